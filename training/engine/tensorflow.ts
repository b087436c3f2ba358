import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import util from 'node:util';
import { variable } from '#environment/variables.ts';
import { UserError } from '#errors/user-error.ts';

const require = createRequire(import.meta.url);

/** The GPU package first: it is optional, and installed only where there is a GPU. */
const packages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/** Of one kernel. More would only take memory. */
const MOST_THREADS = 1024;

/** Native TensorFlow, in this process. */
export interface TensorFlow {
  /** TensorFlow.js on the native backend, for eager work. */
  readonly tf: typeof import('@tensorflow/tfjs-node');
  /** The addon itself: sessions, and tensors of TensorFlow's own types. */
  readonly binding: Binding;
  /** TensorFlow's version, such as `2.21.0`. */
  readonly version: string;
  readonly device: 'CPU' | 'GPU';
  /** Threads of one kernel. */
  readonly threads: number;
}

/** The part of the addon (`tfjs_binding.node`) that we use. A tensor is a number, owned by the caller until `deleteTensor`. */
export interface Binding {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
  /**
   * Shares the memory of `values`, which must not change while the tensor lives.
   *
   * @param type a number of TensorFlow's `DataType`; the addon takes Float32Array, Int32Array and, for uint8, Uint8Array
   */
  createTensor(shape: readonly number[], type: number, values: Float32Array | Int32Array | Uint8Array): number;
  deleteTensor(tensor: number): void;
  /** A copy; uint8 cannot be read. */
  tensorDataSync(tensor: number): Float32Array | Int32Array;
  getNumOfTensors(): number;
  /** @param tags separated by commas */
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(session: number): void;
  getNumOfSavedModels(): number;
  /** @param inputNames and outputNames: `<node>:<index>`, separated by commas */
  runSavedModel(session: number, inputs: readonly number[], inputNames: string, outputNames: string): OutputTensor[];
}

interface OutputTensor {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

let loaded: TensorFlow | undefined;

/** Whether a native addon is installed: `setup` puts it there. */
export function hasTensorFlow(): boolean {
  return installedPackage() !== undefined;
}

/**
 * Loads native TensorFlow, once a process (0.6–2 s the first time).
 *
 * @throws {UserError} it is not installed
 */
export async function loadTensorFlow(): Promise<TensorFlow> {
  loaded ??= load();
  return loaded;
}

/** Where the native addon is, and whether it is built for CUDA; undefined if none is installed. */
export function installedAddon(): { readonly file: string; readonly hasCuda: boolean } | undefined {
  const installed = installedPackage();
  return installed === undefined ? undefined : { file: addonOf(installed)!, hasCuda: installed === packages[0] };
}

function load(): TensorFlow {
  const installed = installedPackage();
  if (installed === undefined) {
    throw new UserError('Native TensorFlow is not installed. Run `npm run setup`, or train the recipe "tiny".');
  }
  prepareEnvironment();
  restoreUtil();
  const tf = require(installed) as TensorFlow['tf'];
  const { binding } = tf.backend() as unknown as { binding: Binding };
  return {
    tf,
    binding,
    version: binding.TF_Version,
    device: binding.isUsingGpuDevice() ? 'GPU' : 'CPU',
    threads: Number(process.env[variable.threads]),
  };
}

function installedPackage(): string | undefined {
  return packages.find((name) => addonOf(name) !== undefined);
}

function addonOf(name: string): string | undefined {
  try {
    const file = join(dirname(require.resolve(`${name}/package.json`)), 'lib', 'napi-v8', 'tfjs_binding.node');
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined; // the package itself is not there
  }
}

/** TensorFlow reads these as it is loaded; what the user has set stays. */
function prepareEnvironment(): void {
  // TensorFlow counts the host's cores, not the container's.
  const threads = threadsFrom(variable.threads) ?? threadsFrom(variable.openMpThreads) ?? availableParallelism();
  process.env[variable.threads] = String(threads);
  const settings = {
    [variable.oneDnn]: '1', // off by default on AMD before Zen 4, and worth 1.3–1.9x
    [variable.gpuGrowth]: 'true', // else it takes the whole GPU
    [variable.logLevel]: '1', // warnings too: why a GPU cannot be used is one
  };
  for (const [name, value] of Object.entries(settings)) process.env[name] ??= value;
}

/** The number of threads that a variable of the user's asks for; one that makes no sense is reported and ignored. */
function threadsFrom(name: string): number | undefined {
  const text = process.env[name]?.trim();
  if (!text) return undefined;
  const [first = ''] = name === variable.openMpThreads ? text.split(',') : [text]; // OpenMP takes one number for each level.
  const threads = Number(first);
  if (/^\d+$/.test(first.trim()) && threads >= 1 && threads <= MOST_THREADS) return threads;
  process.stderr.write(
    `warning: ${name} is ${JSON.stringify(text)} and is ignored: it takes a whole number from 1 to ${MOST_THREADS}.\n`,
  );
  return undefined;
}

/** Two functions that the package calls, of which Node 22 warns and which Node 23 removed. */
function restoreUtil(): void {
  const legacy = util as unknown as Record<string, unknown>;
  legacy.isNullOrUndefined = (value: unknown) => value === null || value === undefined;
  legacy.isArray = Array.isArray;
}
