import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { UsageError } from '#errors/user-error.ts';
import { type ColdStart, measureColdStarts } from './cold-start.ts';
import { measureHandler } from './handler.ts';
import { type Load, measureLoad } from './load.ts';
import { measurePredictions, type Prediction } from './predictions.ts';
import { writeResults } from './results.ts';
import { onnxRuntimes } from './serve-peers.ts';
import { type ServingPart, servingParts } from './serving-parts.ts';
import { startsChart, startsCsv } from './starts-chart.ts';
import { pictures, seed, storeUntrained } from './untrained.ts';

interface Options {
  readonly parts: readonly ServingPart[];
  /** How many times each engine is measured. */
  readonly rounds: number;
  /** Number of requests to the server. */
  readonly requests: number;
}

/** Number of process starts per bundle and model. */
const STARTS = 15;

/** The results of the selected parts. */
interface Measurements {
  predictions?: readonly Prediction[];
  /** Median milliseconds per request. */
  handler?: number;
  starts?: readonly ColdStart[];
  load?: Load;
}

/**
 * Measures the networks against their peers, a whole request, cold starts, and a server under load. Prints medians and
 * ratios, and writes `results/<date>-serve.json` and the table and the plot of the cold starts in `docs/`.
 *
 * @throws {UsageError} `rounds` or `requests` is not a positive whole number
 */
export async function benchmarkServing({ parts, rounds, requests }: Options): Promise<void> {
  for (const [name, value] of Object.entries({ rounds, requests })) {
    if (!Number.isInteger(value) || value < 1)
      throw new UsageError(`--${name} must be a whole number of at least 1, not ${value}.`);
  }
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const store = join(folder, 'store');
  const picture = encode({ width: 32, height: 32, channels: 3, data: pictures(1) });
  const measure: Record<ServingPart, (measured: Measurements) => Promise<void>> = {
    async predictions(measured) {
      measured.predictions = await measurePredictions({ folder, peers: await onnxRuntimes(log), rounds, log });
    },
    async handler(measured) {
      measured.handler = await measureHandler(store, picture);
    },
    async starts(measured) {
      measured.starts = await measureColdStarts({ folder, picture, times: STARTS, log });
    },
    async load(measured) {
      measured.load = await measureLoad(store, picture, requests, log);
    },
  };
  try {
    await storeUntrained(seed, store);
    const measured: Measurements = {};
    for (const part of parts) await measure[part](measured);
    await report(measured, { parts, rounds, requests });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function report(measured: Measurements, { parts, rounds, requests }: Options): Promise<void> {
  const command = `npm run bench -- serve --parts ${parts} --rounds ${rounds} --requests ${requests}`;
  const hasAllParts = parts.length === servingParts.length;
  const ending = await writeResults(hasAllParts ? 'serve' : `serve-${parts.join('-')}`, command, measured);
  const lines: string[] = [];
  if (measured.predictions) {
    lines.push(`milliseconds per image, median of ${rounds} rounds; in brackets the time relative to ours`);
    lines.push(...measured.predictions.map(predictionLine));
  }
  if (measured.handler !== undefined)
    lines.push(`an API Gateway request, 32x32 PNG, seed network: ${measured.handler.toFixed(2)} ms`);
  if (measured.starts) {
    await writeFile(join('docs', 'serving-starts.csv'), startsCsv(measured.starts));
    await writeFile(join('docs', 'images', 'serving-starts.svg'), startsChart(measured.starts));
    lines.push('process start to first answer:', ...measured.starts.map(startLine));
    lines.push('written to docs/serving-starts.csv and docs/images/serving-starts.svg');
  }
  if (measured.load) lines.push(...loadLines(measured.load));
  process.stdout.write(`${[...lines, ...ending].join('\n')}\n`);
}

function predictionLine({ net, batch, milliseconds, ratios }: Prediction): string {
  const others = Object.entries(ratios).map(
    ([name, ratio]) => `${name} ${milliseconds[name]!.toFixed(2)} (${ratio.toFixed(2)}x)`,
  );
  return `  ${net.padEnd(20)} batch ${String(batch).padStart(2)}  ours ${milliseconds.ours!.toFixed(2)}  ${others.join('  ')}`;
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
      `${last.toFixed(0)} MB, ${memory.slope.toFixed(2)} MB growth per 10,000 requests`,
    `  live memory: ${memory.live.map(([count, megabytes]) => `${megabytes.toFixed(1)} MB after ${count}`).join(', ')}`,
    ...open.map(
      ({ rate, answered, failed, p50, p99, p999 }) =>
        `  at ${rate} requests/s: ${answered.toFixed(0)} answered, ${failed} failed; ` +
        `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, p99.9 ${p999.toFixed(1)} ms`,
    ),
  ];
}
