/**
 * One job of the device check, in a process of its own, since TensorFlow reads its environment once. `measure.ts <job as JSON>`
 * prints the result as a line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { compute, digestOf, openTraining, type Precision, type Training } from './project.ts';

/** What a process is to do. */
export type Job =
  | { readonly kind: 'compute' }
  | {
      /** Takes some steps, and writes the first weights and then the trained ones, float32, to `file`. */
      readonly kind: 'steps';
      readonly recipe: string;
      readonly changes: readonly string[];
      readonly precision: Precision;
      readonly count: number;
      readonly inOneCall: boolean;
      readonly file: string;
    }
  | {
      readonly kind: 'speed';
      readonly recipe: string;
      readonly precision: Precision;
      /** How long to measure each way of stepping. */
      readonly seconds: number;
    };

export type Computed = Awaited<ReturnType<typeof compute>>;

export interface Stepped {
  readonly description: string;
  readonly losses: readonly number[];
  /** Of the trained weights. */
  readonly digest: string;
  readonly weights: readonly { readonly name: string; readonly length: number }[];
}

export interface Speed {
  readonly description: string;
  readonly batchSize: number;
  /** Of the first call, in which kernels are chosen. */
  readonly firstCallSeconds: number;
  readonly imagesPerSecond: { readonly oneByOne: number; readonly many: number };
  readonly stepsPerCall: number;
  /** Peak of the process, bytes. */
  readonly memory: number;
  /** In use on the GPU at the end, MiB, by any process. */
  readonly gpuMemory: number | undefined;
}

const job = JSON.parse(process.argv[2] ?? '{}') as Job;
process.stdout.write(`${JSON.stringify(await resultOf(job))}\n`);

async function resultOf(job: Job): Promise<Computed | Stepped | Speed> {
  if (job.kind === 'compute') return await compute();
  const training = await openTraining(job.recipe, job.precision, job.kind === 'steps' ? job.changes : []);
  const result = job.kind === 'steps' ? takeSteps(training, job) : measureSpeed(training, job.seconds);
  training.dispose();
  return result;
}

function takeSteps(training: Training, { count, inOneCall, file }: Extract<Job, { kind: 'steps' }>): Stepped {
  const losses = inOneCall ? training.many(count) : training.oneByOne(count);
  const trained = training.weights();
  const bytes = [...training.initial, ...trained].map(({ data }) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  );
  writeFileSync(file, Buffer.concat(bytes));
  const weights = trained.map(({ name, data }) => ({ name, length: data.length }));
  return { description: training.description, losses, digest: digestOf(trained), weights };
}

function measureSpeed(training: Training, seconds: number): Speed {
  const { description, batchSize, most } = training;
  const firstCallSeconds = secondsOf(() => training.oneByOne(1));
  training.many(1);
  const stepSeconds = secondsOf(() => training.many(1));
  const stepsPerCall = Math.max(1, Math.min(most, Math.round(seconds / 4 / stepSeconds)));
  const rate = (advance: () => unknown, steps: number) => {
    const rounds: number[] = [];
    for (let spent = 0; spent < seconds || rounds.length < 3; spent += rounds.at(-1)!) rounds.push(secondsOf(advance));
    return (steps * batchSize) / rounds.sort((a, b) => a - b)[rounds.length >> 1]!;
  };
  const oneByOne = rate(() => training.oneByOne(1), 1);
  const many = rate(() => training.many(stepsPerCall), stepsPerCall);
  return {
    ...{ description, batchSize, firstCallSeconds, imagesPerSecond: { oneByOne, many }, stepsPerCall },
    ...{ memory: 1024 * process.resourceUsage().maxRSS, gpuMemory: gpuMemory() },
  };
}

function secondsOf(work: () => unknown): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}

function gpuMemory(): number | undefined {
  try {
    const words = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
    return Number.parseInt(
      execFileSync('nvidia-smi', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
      10,
    );
  } catch {
    return undefined; // no GPU
  }
}
