import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseLayersModel } from '#inference/engine/model/layers-model.ts';
import { lowerModel } from '#inference/engine/model/lower.ts';
import { openNetwork } from '#inference/engine/network.ts';
import { type Contestant, startContestant } from './contestant.ts';
import { onnxModel } from './onnx.ts';
import { quantile } from './statistics.ts';
import { pictures, type Untrained, untrained } from './untrained.ts';

const ENGINES = ['ours', 'tfjs', 'onnxruntime-web', 'onnxruntime-node'] as const;
const BATCHES = [1, 16];
/** Milliseconds for which one engine predicts before the next engine's turn. */
const TURN = 400;

export interface Prediction {
  readonly net: string;
  readonly batch: number;
  /** Time per image by engine. */
  readonly milliseconds: Readonly<Record<string, number>>;
  /** Time of each peer relative to ours. */
  readonly ratios: Readonly<Record<string, number>>;
}

interface Options {
  /** Temporary folder for the networks. */
  readonly folder: string;
  /** Folder with ONNX Runtime in its `node_modules`. */
  readonly peers: string;
  /** How many times each engine is measured. */
  readonly rounds: number;
  readonly log: (line: string) => void;
}

/** Measures each network with our engine and its peers, at batch sizes 1 and 16: each in its own process, in turn. */
export async function measurePredictions(options: Options): Promise<Prediction[]> {
  const predictions: Prediction[] = [];
  for (const net of untrained) {
    for (const batch of BATCHES) predictions.push(await measure(net, batch, options));
  }
  return predictions;
}

async function measure(net: Untrained, batch: number, { folder, peers, rounds, log }: Options): Promise<Prediction> {
  const { modelJson, weightsBin } = await net.files();
  const model = lowerModel(parseLayersModel(modelJson, weightsBin));
  const expected = (await openNetwork(model)).logits(pictures(1));
  await writeFile(join(folder, 'model.json'), modelJson);
  await writeFile(join(folder, 'weights.bin'), weightsBin);
  await writeFile(join(folder, 'model.onnx'), onnxModel(model));
  await writeFile(join(folder, 'images.bin'), pictures(16));

  const program = ['--import', './setup/typescript.mjs', join(import.meta.dirname, 'predict-contestant.ts')];
  const contestants: Contestant[] = [];
  try {
    for (const engine of ENGINES) {
      const options = [...program, engine, folder, String(batch)];
      contestants.push(await startContestant(process.execPath, options, { BENCH_PEERS: peers }));
    }
    const times: number[][] = contestants.map(() => []);
    const counts = contestants.map(() => 10);
    for (let round = 0; round <= rounds; round++) {
      for (const [index, contestant] of contestants.entries()) {
        const { median, logits } = await contestant.measure<{ median: number; logits: number[] }>(counts[index]!);
        checkSame(contestant.name, logits, expected);
        if (round > 0) times[index]!.push(median / batch);
        // The first round is a warm-up: it also determines the number of predictions per turn.
        else counts[index] = Math.min(400, Math.max(5, Math.round(TURN / median)));
      }
    }
    const medians = times.map((each) => quantile(each, 0.5));
    const milliseconds = Object.fromEntries(contestants.map(({ name }, index) => [name, medians[index]!]));
    const ratios = Object.fromEntries(
      contestants.slice(1).map(({ name }) => [name, milliseconds[name]! / medians[0]!]),
    );
    const found = Object.entries(milliseconds).map(([name, ms]) => `${name} ${ms.toFixed(2)} ms`);
    log(`${net.name}, batch ${batch}: ${found.join(', ')}`);
    return { net: net.name, batch, milliseconds, ratios };
  } finally {
    for (const contestant of contestants) await contestant.end();
  }
}

/** Checks that an engine's logits match ours. @throws {Error} they differ by more than 1e-4 of the largest logit */
function checkSame(name: string, found: readonly number[], expected: Float32Array): void {
  const largest = Math.max(...expected.map(Math.abs));
  const difference = Math.max(...found.map((value, index) => Math.abs(value - expected[index]!)));
  if (!(difference <= 1e-4 * largest))
    throw new Error(
      `${name} computes other logits than our engine: they differ by ${difference}; the largest logit is ${largest}.`,
    );
}
