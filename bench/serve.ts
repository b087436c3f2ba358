import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { UsageError } from '#errors/user-error.ts';
import { type ColdStart, measureColdStarts } from './cold-start.ts';
import { measureHandler } from './handler.ts';
import { type Load, measureLoad } from './load.ts';
import { measurePredictions, type Prediction } from './predictions.ts';
import { onnxRuntimes } from './serve-peers.ts';
import { startsChart, startsCsv } from './starts-chart.ts';
import { pictures, seed, storeUntrained } from './untrained.ts';

interface Options {
  /** How often each engine is measured. */
  readonly rounds: number;
  /** Requests to the server. */
  readonly requests: number;
}

/** Processes that are started for each bundle and model. */
const STARTS = 15;

interface Measured {
  readonly predictions: readonly Prediction[];
  readonly handler: number;
  readonly coldStarts: readonly ColdStart[];
  readonly load: Load;
}

/**
 * The network alone against what others serve with, taking turns; the whole request; the start of a process; a server under
 * load. Prints medians and ratios, and writes `results/<date>-serve.json` and the cold starts' table and plot in `docs/`.
 */
export async function benchmarkServing({ rounds, requests }: Options): Promise<void> {
  for (const [name, value] of Object.entries({ rounds, requests })) {
    if (!Number.isInteger(value) || value < 1)
      throw new UsageError(`--${name} must be a whole number from 1, not ${value}.`);
  }
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const peers = await onnxRuntimes(log);
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  try {
    const predictions = await measurePredictions({ folder, peers, rounds, log });
    const store = join(folder, 'store');
    await storeUntrained(seed, store);
    const picture = encode({ width: 32, height: 32, channels: 3, data: pictures(1) });
    const handler = await measureHandler(store, picture);
    log(`handler ${handler.toFixed(2)} ms`);
    const coldStarts = await measureColdStarts({ folder, picture, times: STARTS, log });
    const load = await measureLoad(store, picture, requests, log);
    await report({ predictions, handler, coldStarts, load }, { rounds, requests });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function report(measured: Measured, { rounds, requests }: Options): Promise<void> {
  const results = {
    command: `npm run bench -- serve --rounds ${rounds} --requests ${requests}`,
    at: new Date().toISOString(),
    commit: execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'], {
      encoding: 'utf8',
    }).trim(),
    host: { cpu: cpus()[0]?.model.trim(), cores: cpus().length, memory: totalmem(), node: process.version },
    ...measured,
  };
  const file = join('results', `${results.at.slice(0, 10)}-serve.json`);
  await mkdir('results', { recursive: true });
  const rounded = (_: string, value: unknown) => (typeof value === 'number' ? Math.round(value * 1000) / 1000 : value);
  await writeFile(file, `${JSON.stringify(results, rounded, 2)}\n`);
  await writeFile(join('docs', 'serving-starts.csv'), startsCsv(measured.coldStarts));
  await writeFile(join('docs', 'images', 'serving-starts.svg'), startsChart(measured.coldStarts));
  process.stdout.write(
    `${[
      `milliseconds an image, median of ${rounds} rounds; in brackets how many times as long as ours`,
      `${results.host.cpu}, ${results.host.cores} cores, Node ${results.host.node}`,
      ...measured.predictions.map(predictionLine),
      `a request of the gateway, 32x32 PNG, seed network: ${measured.handler.toFixed(2)} ms`,
      'process start to first answer:',
      ...measured.coldStarts.map(startLine),
      ...loadLines(measured.load),
      `written to ${file}, docs/serving-starts.csv and docs/images/serving-starts.svg`,
    ].join('\n')}\n`,
  );
}

function predictionLine({ net, batch, milliseconds, ratios }: Prediction): string {
  const others = Object.entries(ratios).map(
    ([name, ratio]) => `${name} ${milliseconds[name]!.toFixed(2)} (${ratio.toFixed(2)}x)`,
  );
  return `  ${net.padEnd(20)} ${String(batch).padStart(2)} at once  ours ${milliseconds.ours!.toFixed(2)}  ${others.join('  ')}`;
}

function startLine({ bundle, zipBytes, model, firstAnswer, node, init, request, warm }: ColdStart): string {
  const parts = `Node ${node.toFixed(0)}, INIT ${init.toFixed(0)}, request ${request.toFixed(1)}; warm ${warm.toFixed(2)}`;
  const name = `${model}, ${bundle} (${(zipBytes / 1000).toFixed(0)} KB zip)`;
  return `  ${name.padEnd(70)} ${firstAnswer.toFixed(0).padStart(4)} ms, of which ${parts}`;
}

function loadLines({ isOnOneCore, perSecond, failed, requests, memory, open }: Load): string[] {
  const last = memory.samples.at(-1)![1];
  return [
    `a server${isOnOneCore ? ' on one core' : ''}: ${perSecond.toFixed(0)} requests/s, ${failed} of ${requests} failed, ` +
      `${last.toFixed(0)} MB, ${memory.slope.toFixed(2)} MB more in 10,000 requests`,
    ...open.map(
      ({ rate, answered, failed, p50, p99, p999 }) =>
        `  at ${rate} requests/s: ${answered.toFixed(0)} answered, ${failed} failed; ` +
        `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, p99.9 ${p999.toFixed(1)} ms`,
    ),
  ];
}
