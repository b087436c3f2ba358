import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Distance, distanceBetween, type Taken } from './compare.ts';
import type { Computed, Job, Speed, Stepped } from './measure.ts';
import { type Found, findDevice, type Precision } from './project.ts';

/** All that the check found. */
export interface DeviceCheck {
  readonly found: Found;
  readonly computed: Computed;
  readonly steps: readonly Comparison[];
  readonly speeds: readonly MeasuredSpeed[];
  /** Whether everything that was compared is as it should be. */
  readonly isGood: boolean;
}

/** A training compared with another. */
export interface Comparison {
  readonly training: string;
  readonly what: string;
  readonly with: string;
  readonly distance: Distance;
  /** The largest distance that passes; 0: the same bits. */
  readonly limit: number;
  readonly isEqual: boolean;
}

export interface MeasuredSpeed extends Speed {
  readonly recipe: string;
  readonly where: string;
  readonly precision: Precision;
}

/**
 * Trainings that are compared after few steps. SGD follows the gradient, so that rounding stays small; Muon makes whole
 * directions of the rounding in small singular values, and is compared after one step. Limits are shares of the way that the
 * weights went, some hundred times what the processor's own kernels (with and without oneDNN) differ by, and some times what
 * bfloat16 differs from float32 by.
 */
const trainings = [
  { name: 'seed, 10 steps', recipe: 'seed', changes: [], count: 10, exact: 1e-3, rough: 0.15 },
  {
    ...{ name: 'quick by SGD, 5 steps', recipe: 'quick', changes: ['optimizer=sgd', 'learningRate=0.02'], count: 5 },
    ...{ exact: 1e-3, rough: 0.02 },
  },
  { name: 'quick by Muon, 1 step', recipe: 'quick', changes: [], count: 1, exact: 0.03, rough: 0.25 },
] as const;

/** Relative difference of the first loss that passes. */
const FIRST_LOSS = { exact: 1e-5, rough: 1e-2 };

const recipes = ['seed', 'minute', 'c92'] as const;

interface Place {
  readonly name: string;
  readonly environment: NodeJS.ProcessEnv;
}

const processor: Place = { name: 'processor', environment: { CUDA_VISIBLE_DEVICES: '-1', TF_ENABLE_ONEDNN_OPTS: '1' } };
const withoutOneDnn: Place = {
  name: 'processor without oneDNN',
  environment: { CUDA_VISIBLE_DEVICES: '-1', TF_ENABLE_ONEDNN_OPTS: '0' },
};
const gpu: Place = { name: 'GPU', environment: {} };
/** Tensor cores round the factors of float32 products to 10 bits unless they are told not to. */
const gpuExact: Place = { name: 'GPU without TensorFloat-32', environment: { NVIDIA_TF32_OVERRIDE: '0' } };

/**
 * Finds out what TensorFlow computes on, whether a training step is right there, and how fast it is. Where there is a GPU, all
 * is compared with the processor.
 *
 * @param seconds how long each speed is measured
 * @throws {UserError} TensorFlow is not installed
 */
export async function checkDevice(seconds: number, log: (line: string) => void): Promise<DeviceCheck> {
  const found = await findDevice();
  log(found.sentence);
  const hasGpu = found.device === 'GPU';
  const computed = await measure<Computed>(hasGpu ? gpu : processor, { kind: 'compute' });
  const folder = await mkdtemp(join(tmpdir(), 'device-'));
  try {
    const steps: Comparison[] = [];
    for (const training of trainings) {
      log(`comparing ${training.name}`);
      steps.push(...(await compareTraining(training, folder, hasGpu)));
    }
    const speeds: MeasuredSpeed[] = [];
    const precisions: Precision[] = hasGpu ? ['float32', 'bfloat16', 'float16'] : ['float32', 'bfloat16'];
    for (const recipe of recipes) {
      for (const precision of precisions) {
        log(`measuring ${recipe} in ${precision}`);
        const place = hasGpu ? gpu : processor;
        const speed = await measure<Speed>(place, { kind: 'speed', recipe, precision, seconds });
        speeds.push({ recipe, where: place.name, precision, ...speed });
      }
    }
    const isRight = computed.isProductRight && computed.isConvolutionRight;
    return { found, computed, steps, speeds, isGood: isRight && steps.every(({ isEqual }) => isEqual) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compareTraining(
  { name, recipe, changes, count, exact, rough }: (typeof trainings)[number],
  folder: string,
  hasGpu: boolean,
): Promise<Comparison[]> {
  let files = 0;
  const take = async (place: Place, precision: Precision = 'float32', inOneCall = false): Promise<Taken> => {
    const file = join(folder, `${recipe}-${files++}.bin`);
    const job: Job = { kind: 'steps', recipe, changes, precision, count, inOneCall, file };
    return { ...(await measure<Stepped>(place, job)), file };
  };
  const comparisons: Comparison[] = [];
  const compare = (one: readonly [string, Taken], other: readonly [string, Taken], limit: number) => {
    const distance = distanceBetween(one[1], other[1]);
    const firstLoss = limit === 0 ? 0 : limit === exact ? FIRST_LOSS.exact : FIRST_LOSS.rough;
    const isNear = distance.firstLoss <= firstLoss && distance.weights <= limit;
    const isEqual = distance.isFinite && isNear && (limit > 0 || distance.isSameBits);
    comparisons.push({ training: name, what: other[0], with: one[0], distance, limit, isEqual });
  };

  const reference = ['processor, float32', await take(processor)] as const;
  compare(reference, ['the same again', await take(processor)], 0);
  if (count > 1) compare(reference, ['all steps in one call', await take(processor, 'float32', true)], 0);
  compare(reference, ['processor without oneDNN, float32', await take(withoutOneDnn)], exact);
  compare(reference, ['processor, bfloat16', await take(processor, 'bfloat16')], rough);
  if (!hasGpu) return comparisons;

  const onGpu = ['GPU without TensorFloat-32, float32', await take(gpuExact)] as const;
  compare(reference, onGpu, exact);
  compare(onGpu, ['the same again', await take(gpuExact)], exact);
  if (count > 1) compare(onGpu, ['all steps in one call', await take(gpuExact, 'float32', true)], exact);
  for (const precision of ['float32', 'bfloat16', 'float16'] as const) {
    compare(reference, [`GPU, ${precision}`, await take(gpu, precision)], rough);
  }
  return comparisons;
}

async function measure<Result>({ environment }: Place, job: Job): Promise<Result> {
  const program = join(import.meta.dirname, 'measure.ts');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', './setup/typescript.mjs', program, JSON.stringify(job)],
    {
      env: { ...process.env, ...environment },
      maxBuffer: 2 ** 24,
    },
  );
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Result;
}

/** The tables that are printed. */
export function tablesOf({ found, computed, steps, speeds }: DeviceCheck): string {
  const { version, device, threads, fastest, isProductRight, isConvolutionRight } = computed;
  const right = (isRight: boolean) => (isRight ? 'right' : 'WRONG');
  const lines = [
    found.sentence,
    `TensorFlow ${version}, ${device}, ${threads} threads; precision=auto is ${fastest}; a matrix product is ` +
      `${right(isProductRight)}, a convolution ${right(isConvolutionRight)}.`,
    '',
    '| training | compared with | | distance | limit | |',
    '|---|---|---|---|---|---|',
    ...steps.map(({ training, what, with: reference, distance, limit, isEqual }) => {
      const far = distance.isSameBits ? 'the same bits' : distance.weights.toExponential(1);
      const verdict = isEqual ? 'equal' : `DIFFERENT, most in ${distance.worst.name}`;
      return `| ${training} | ${reference} | ${what} | ${far} | ${limit === 0 ? 'the same bits' : limit} | ${verdict} |`;
    }),
    '',
    '| recipe | batch | on | precision | images/s, one step a call | images/s, several (so many) a call | first call | memory |',
    '|---|---|---|---|---|---|---|---|',
    ...speeds.map(
      ({ recipe, batchSize, where, precision, imagesPerSecond, stepsPerCall, firstCallSeconds, memory, gpuMemory }) => {
        const { oneByOne, many } = imagesPerSecond;
        const taken = `${Math.round(memory / 2 ** 20)} MiB${gpuMemory === undefined ? '' : `, GPU ${gpuMemory} MiB`}`;
        return `| ${recipe} | ${batchSize} | ${where} | ${precision} | ${Math.round(oneByOne)} | ${Math.round(many)} (${stepsPerCall}) | ${firstCallSeconds.toFixed(2)} s | ${taken} |`;
      },
    ),
  ];
  return lines.join('\n');
}
