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

/** The time of one of our training steps, by kernel. */
export interface Profile {
  readonly net: Net['name'];
  readonly batchSize: number;
  readonly precision: string;
  /** Time per step, batch preparation included, while it is profiled and runs one kernel at a time. */
  readonly milliseconds: number;
  /** Part of `milliseconds`: the batch preparation, in JavaScript. */
  readonly preparation: number;
  /** oneDNN's kernels, slowest first. */
  readonly kernels: readonly KernelTime[];
}

/** Number of profiled steps, and of the warm-up steps before them. */
const profiledSteps = 12;
const warmUpSteps = 3;

/**
 * Profiles our contestant with oneDNN's verbose output. Only one kernel runs at a time, on all threads: the times of kernels
 * that run in parallel, as they do in training, would include the time that they take from each other.
 *
 * @throws {Error} the contestant ended without a result
 */
export async function profileStep(settingFile: string, precision: 'float32' | 'bfloat16'): Promise<Profile> {
  const { command, options } = ourEntry(settingFile, precision);
  const child = spawn(command, options, {
    env: { ...process.env, ONEDNN_VERBOSE: 'profile_exec', TF_NUM_INTEROP_THREADS: '1' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.end(`${profiledSteps}\n`);
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
  // oneDNN writes whenever its buffer is full: one of our own lines may stand inside one of its lines.
  const ours = /\{"(?:name|seconds)":.*?\}\n/g;
  const answer = printed.match(ours)?.find((line) => line.startsWith('{"seconds"'));
  if (answer === undefined)
    throw new Error(`Our contestant ended without a result while it was profiled: ${printed.slice(-500)}`);
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
    milliseconds: (1000 * seconds) / profiledSteps,
    preparation: (1000 * preparation) / profiledSteps,
    kernels: kernelTimes(primitives, net, batchSize, profiledSteps + warmUpSteps),
  };
}

/** Formats a profile as text: kernels, and under each its layers. */
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
    `time per kernel: ${net}, batch ${batchSize}, ${precision}, one kernel at a time: ${milliseconds.toFixed(1)} ms per step`,
    ...aligned([
      ...rows,
      row('loops that XLA fused, other kernels, overhead', rest, '', ''),
      row('batch preparation, in JavaScript', preparation, '', ''),
    ]),
  ].join('\n');
}
