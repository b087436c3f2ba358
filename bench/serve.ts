import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { UsageError } from '#errors/user-error.ts';
import { answerGateway } from '#inference/api-gateway.ts';
import { createApp } from '#inference/app.ts';
import { parseLayersModel } from '#inference/engine/layers-model.ts';
import { lowerModel } from '#inference/engine/lower.ts';
import { openNetwork } from '#inference/engine/network.ts';
import { exampleModel } from '#inference/example-model.ts';
import { liveModels } from '#inference/live-models.ts';
import { moveAlias } from '#models/aliases.ts';
import { folderStore } from '#models/folder-store.ts';
import { encodeJson } from '#models/json.ts';
import { publishVersion } from '#models/versions.ts';
import { exportLayersModel } from '#training/layers/export.ts';
import { airbenchNet } from '#training/nets/airbench.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import type { Net } from '#training/nets/net.ts';
import { seedNet } from '#training/nets/seed.ts';
import { type ColdStart, measureColdStarts } from './cold-start.ts';
import { type Contestant, startContestant } from './contestant.ts';
import { type Load, measureLoad } from './load.ts';
import { onnxModel } from './onnx.ts';
import { onnxRuntimes } from './serve-peers.ts';
import { quantile } from './statistics.ts';

interface Options {
  /** How often each contestant is measured. */
  readonly rounds: number;
  /** Requests to the server. */
  readonly requests: number;
}

const ENGINES = ['ours', 'tfjs', 'onnxruntime-web', 'onnxruntime-node'] as const;
const NETS: readonly Net[] = [seedNet, airbenchNet([32, 64, 64]), airbenchNet([64, 256, 256])];
const BATCHES = [1, 16];

/** Milliseconds an image, by engine, and our ratio to each of the others. */
interface Prediction {
  readonly net: string;
  readonly batch: number;
  readonly milliseconds: Readonly<Record<string, number>>;
  readonly ratios: Readonly<Record<string, number>>;
}

/**
 * The network alone against what others serve with, taking turns; the whole request; the start of a process; a server under
 * load. Prints medians and ratios, and writes `results/<date>-serve.json`.
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
    const predictions: Prediction[] = [];
    for (const net of NETS) {
      for (const batch of BATCHES)
        predictions.push(await measurePredictions({ net, batch, folder, peers, rounds, log }));
    }
    const store = join(folder, 'store');
    await storeSeed(store);
    const picture = encode({ width: 32, height: 32, channels: 3, data: pictures(1) });
    const handler = await measureHandler(store, picture);
    log(`handler ${handler.toFixed(2)} ms`);
    const bundle = join(folder, 'bundle');
    await mkdir(bundle);
    const coldStart = await measureColdStarts(store, bundle, 15);
    log(`cold start ${coldStart.firstAnswer.toFixed(0)} ms`);
    const load = await measureLoad(store, picture, requests);
    await report({ predictions, handler, coldStart, load }, { rounds, requests });
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface PredictionRun {
  readonly net: Net;
  readonly batch: number;
  readonly folder: string;
  readonly peers: string;
  readonly rounds: number;
  readonly log: (line: string) => void;
}

async function measurePredictions({ net, batch, folder, peers, rounds, log }: PredictionRun): Promise<Prediction> {
  const { modelJson, weightsBin } = exportLayersModel(net, initializeWeights(net, { seed: 1, images: pictures(64) }));
  const model = lowerModel(parseLayersModel(modelJson, weightsBin));
  const expected = (await openNetwork(model)).logits(pictures(1));
  await writeFile(join(folder, 'model.json'), modelJson);
  await writeFile(join(folder, 'weights.bin'), weightsBin);
  await writeFile(join(folder, 'model.onnx'), onnxModel(model));
  await writeFile(join(folder, 'images.bin'), pictures(16));

  const program = ['--import', 'tsx', join(import.meta.dirname, 'predict-contestant.ts')];
  const contestants: Contestant[] = [];
  try {
    for (const engine of ENGINES) {
      const options = [...program, engine, folder, String(batch)];
      contestants.push(await startContestant(process.execPath, options, { BENCH_PEERS: peers }));
    }
    const times: number[][] = contestants.map(() => []);
    for (let round = 0; round <= rounds; round++) {
      for (const [index, contestant] of contestants.entries()) {
        const { median, logits } = await contestant.measure<{ median: number; logits: number[] }>(
          batch === 1 ? 200 : 20,
        );
        checkSame(contestant.name, logits, expected);
        if (round > 0) times[index]!.push(median / batch); // In the first one programs are compiled.
      }
    }
    const medians = times.map((each) => quantile(each, 0.5));
    const milliseconds = Object.fromEntries(contestants.map(({ name }, index) => [name, medians[index]!]));
    const ratios = Object.fromEntries(
      contestants.slice(1).map(({ name }) => [name, milliseconds[name]! / medians[0]!]),
    );
    log(
      `${net.name}, ${batch} at once: ${Object.entries(milliseconds)
        .map(([name, ms]) => `${name} ${ms.toFixed(2)} ms`)
        .join(', ')}`,
    );
    return { net: net.name, batch, milliseconds, ratios };
  } finally {
    for (const contestant of contestants) await contestant.end();
  }
}

/** A quick wrong answer is not counted. */
function checkSame(name: string, found: readonly number[], expected: Float32Array): void {
  const largest = Math.max(...expected.map(Math.abs));
  const difference = Math.max(...found.map((value, index) => Math.abs(value - expected[index]!)));
  if (!(difference <= 1e-4 * largest))
    throw new Error(`${name} computes something else: it differs by ${difference} of ${largest}.`);
}

/** The seed network, untrained, as a version that is served. */
async function storeSeed(folder: string): Promise<void> {
  const { modelJson, weightsBin } = exportLayersModel(seedNet, initializeWeights(seedNet, { seed: 1 }));
  const files = await exampleModel();
  const card = JSON.parse(new TextDecoder().decode(files.get('card.json')!));
  const logits = (await openNetwork(lowerModel(parseLayersModel(modelJson, weightsBin)))).logits(pictures(20));
  const golden = Array.from({ length: 20 }, (_, image) => {
    const exponentials = [...logits.subarray(image * 10, image * 10 + 10)].map((value) =>
      Math.exp(value / card.temperature),
    );
    const sum = exponentials.reduce((total, value) => total + value, 0);
    const pixels = Buffer.from(pictures(20).subarray(image * 3072, image * 3072 + 3072)).toString('base64');
    return { pixels, label: card.classes[0], probabilities: exponentials.map((value) => value / sum) };
  });
  files.set('model.json', modelJson);
  files.set('weights.bin', weightsBin);
  files.set('golden.json', encodeJson({ tolerance: 1e-4, images: golden }));
  const store = folderStore(folder);
  await moveAlias(store, 'production', { to: await publishVersion(store, files), by: 'bench', expected: undefined });
}

/** All that Lambda runs for an event of the gateway. @returns milliseconds, the median */
async function measureHandler(store: string, picture: Uint8Array): Promise<number> {
  const log = () => {};
  const app = createApp({ models: liveModels({ store: folderStore(store), alias: 'production', log }), log });
  const event = {
    ...{ httpMethod: 'POST', path: '/classify', isBase64Encoded: true, requestContext: { requestId: 'bench' } },
    body: Buffer.from(picture).toString('base64'),
    multiValueHeaders: { 'content-type': ['image/png'] },
  } as unknown as Parameters<typeof answerGateway>[1];
  const times: number[] = [];
  for (let count = 0; count < 3000; count++) {
    const started = performance.now();
    const { statusCode } = await answerGateway(app, event);
    times.push(performance.now() - started);
    if (statusCode !== 200) throw new Error(`The handler answers ${statusCode}.`);
  }
  return quantile(times.slice(1000), 0.5);
}

/** `[count, 32, 32, 3]` uint8 */
function pictures(count: number): Uint8Array {
  return Uint8Array.from({ length: count * 3072 }, (_, index) => 128 + 100 * Math.sin(index / 7 + (index % 3072) / 50));
}

interface Measured {
  readonly predictions: readonly Prediction[];
  readonly handler: number;
  readonly coldStart: ColdStart;
  readonly load: Load;
}

async function report(measured: Measured, { rounds, requests }: Options): Promise<void> {
  const { predictions, handler, coldStart, load } = measured;
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
  const lines = predictions.map(({ net, batch, milliseconds, ratios }) => {
    const others = Object.entries(ratios).map(
      ([name, ratio]) => `${name} ${milliseconds[name]!.toFixed(2)} (${ratio.toFixed(2)}x)`,
    );
    return `  ${net.padEnd(20)} ${String(batch).padStart(2)} at once  ours ${milliseconds.ours!.toFixed(2)}  ${others.join('  ')}`;
  });
  process.stdout.write(
    `${[
      `milliseconds an image, median of ${rounds} rounds; in brackets how many times as long as ours`,
      `${results.host.cpu}, ${results.host.cores} cores, Node ${results.host.node}`,
      ...lines,
      `a request of the gateway, 32x32 PNG, seed network: ${handler.toFixed(2)} ms`,
      `process start to first answer: ${coldStart.firstAnswer.toFixed(0)} ms, of which Node ${coldStart.node.toFixed(0)}, INIT ${coldStart.init.toFixed(0)}, request ${coldStart.request.toFixed(0)}`,
      `a server: ${load.perSecond.toFixed(0)} requests/s, ${load.failed} of ${load.requests} failed, memory ${load.memory.early.toFixed(0)} → ${load.memory.late.toFixed(0)} MB`,
      `at ${load.open.rate} requests/s: p50 ${load.open.p50.toFixed(1)}, p99 ${load.open.p99.toFixed(1)}, p99.9 ${load.open.p999.toFixed(1)} ms`,
      `written to ${file}`,
    ].join('\n')}\n`,
  );
}
