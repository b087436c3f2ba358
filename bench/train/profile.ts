import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { percent } from '#models/percent.ts';
import type { Net } from '#training/nets/net.ts';
import { ourEntry } from './contestants.ts';
import { type KernelTime, kernelTimes } from './kernel-times.ts';
import { parsePrimitive } from './onednn-verbose.ts';
import { readSetting } from './setting.ts';
import { aligned } from './table.ts';

/** Where the time of one of our steps goes. */
export interface Profile {
  readonly net: Net['name'];
  readonly batchSize: number;
  readonly precision: string;
  /** Of a step, batch preparation included, while it is observed and runs one kernel after the other. */
  readonly milliseconds: number;
  /** Of that, to prepare a batch, in JavaScript. */
  readonly preparation: number;
  /** oneDNN's, the longest first. */
  readonly kernels: readonly KernelTime[];
}

/** Steps that are observed; three more come before them. */
const observed = 12;
const before = 3;

/**
 * Observes our contestant by oneDNN's own report of what it ran. Here one kernel runs at a time, each on all threads: two that
 * run side by side, as they otherwise do, would both count the time that they take from each other.
 */
export async function profileStep(settingFile: string, precision: 'float32' | 'bfloat16'): Promise<Profile> {
  const { command, options } = ourEntry(settingFile, precision);
  const child = spawn(command, options, {
    env: { ...process.env, ONEDNN_VERBOSE: 'profile_exec', TF_NUM_INTEROP_THREADS: '1' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.end(`${observed}\n`);
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
  // oneDNN writes as its buffer fills: our own lines may stand within one of its.
  const ours = /\{"(?:name|seconds)":.*?\}\n/g;
  const answer = printed.match(ours)?.find((line) => line.startsWith('{"seconds"'));
  if (answer === undefined) throw new Error(`Our contestant ended before it was profiled: ${printed.slice(-500)}`);
  const { seconds, preparation } = JSON.parse(answer) as { seconds: number; preparation: number };
  const primitives = printed
    .replaceAll(ours, '')
    .split('\n')
    .flatMap((line) => parsePrimitive(line) ?? []);
  const { net, batchSize } = readSetting(settingFile).setting;
  return {
    net: net.name,
    batchSize,
    precision,
    milliseconds: (1000 * seconds) / observed,
    preparation: (1000 * preparation) / observed,
    kernels: kernelTimes(primitives, net, batchSize, observed + before),
  };
}

/** For people, as lines: by kernel, and under each its layers. */
export function profileText({ net, batchSize, precision, milliseconds, preparation, kernels }: Profile): string {
  const row = (name: string, time: number, ...cells: string[]) => [
    name,
    `${time.toFixed(2)} ms`,
    percent(time / milliseconds, { digits: 1 }),
    ...cells,
  ];
  const timeOf = (some: readonly KernelTime[]) => some.reduce((total, each) => total + each.milliseconds, 0);
  const groups = [...new Set(kernels.map(({ kernel }) => kernel))].map((kernel) => ({
    kernel,
    times: kernels.filter((each) => each.kernel === kernel),
  }));
  const rows = groups
    .sort((a, b) => timeOf(b.times) - timeOf(a.times))
    .flatMap(({ kernel, times }) => [
      row(kernel, timeOf(times), '', ''),
      ...times
        .filter(({ milliseconds: time }) => time > milliseconds / 500)
        .map((each) =>
          row(
            `  ${each.layers}`,
            each.milliseconds,
            each.gflops ? `${each.gflops.toFixed(0)} GFLOP/s` : '',
            each.implementation,
          ),
        ),
    ]);
  const rest = milliseconds - timeOf(kernels) - preparation;
  return [
    '',
    `where the time goes: ${net}, batch ${batchSize}, ${precision}, one kernel at a time: ${milliseconds.toFixed(1)} ms a step`,
    ...aligned([
      ...rows,
      row('loops that XLA fused, other kernels, overhead', rest, '', ''),
      row('batch preparation, in JavaScript', preparation, '', ''),
    ]),
  ].join('\n');
}
