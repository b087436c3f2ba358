import { execFile } from 'node:child_process';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { openedByTensorFlow, type Precision, probeGpu, UserError } from './project.ts';
import { simulatedDriver, simulatedGpu } from './simulated-gpu.ts';

/** Of TensorFlow for CUDA in a folder. */
export interface Libraries {
  /** The path of the addon that was asked. */
  readonly addon: string;
  /** Of the libraries that TensorFlow opens before it uses a GPU. */
  readonly opened: readonly string[];
  /** With one that is missing TensorFlow uses no GPU. The loader's reason; `not tried` after another fault. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
  /** Whether whole training steps find all that they need, by precision: `undefined`, or what is wrong. */
  readonly steps: readonly { readonly precision: Precision; readonly problem: string | undefined }[];
}

const precisions = ['float32', 'bfloat16', 'float16'] as const;

/**
 * Asks TensorFlow itself, with a simulated driver, which CUDA libraries it can open where set-up or an image has put them; then,
 * on a simulated GPU, whether training steps go through. Needs Linux on x86-64, a C compiler and binutils, and no GPU.
 *
 * @param folder in which the addon for CUDA is found: a cache of set-up, an image's folder of the program, or above it
 * @throws {UserError} there is no addon for CUDA in the folder
 */
export async function checkLibraries(folder: string): Promise<Libraries> {
  const made = await mkdtemp(join(tmpdir(), 'simulated-gpu-'));
  try {
    const environment = await simulatedDriver(made);
    for (const addon of await addonsIn(folder)) {
      const probe = await probeGpu(addon, { environment });
      if (probe.opened.length === 0 && probe.missing.length === 0) continue; // built without CUDA
      const reasons = new Map(probe.missing.map(({ name, reason }) => [name, reason]));
      const opened = openedByTensorFlow.filter((name) => probe.opened.includes(name));
      const missing = openedByTensorFlow
        .filter((name) => !opened.includes(name))
        .map((name) => ({ name, reason: reasons.get(name) ?? 'not tried' }));
      const steps = missing.length === 0 ? await takeSteps(addon, made) : [];
      return { addon, opened, missing, steps };
    }
  } finally {
    await rm(made, { recursive: true });
  }
  throw new UserError(`There is no TensorFlow for CUDA in ${folder}: give the folder that \`setup.mjs --gpu\` filled.`);
}

async function addonsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  return entries
    .filter((path) => path.endsWith(join('napi-v8', 'tfjs_binding.node')))
    .map((path) => join(folder, path));
}

async function takeSteps(addon: string, made: string): Promise<Libraries['steps']> {
  const environment = await simulatedGpu(made, await librariesOf(addon));
  const steps = [];
  for (const precision of precisions) {
    const words = [
      '--import',
      './setup/typescript.mjs',
      join(import.meta.dirname, 'simulated-step.ts'),
      addon,
      precision,
    ];
    const problem = await promisify(execFile)(process.execPath, words, {
      env: { ...process.env, ...environment, TF_FORCE_GPU_ALLOW_GROWTH: 'true', TF_CPP_MIN_LOG_LEVEL: '1' },
      maxBuffer: 2 ** 26,
    }).then(
      ({ stdout }) => (stdout.trim().endsWith('GPU') ? undefined : 'TensorFlow computes on the processor'),
      ({ stderr, signal }) => problemIn(stderr) ?? `it ended by ${signal}`,
    );
    steps.push({ precision, problem });
  }
  return steps;
}

/** The first error of TensorFlow's, or of the program's. */
function problemIn(stderr: string): string | undefined {
  return /^E\d{4} .*?\] (.+)$/m.exec(stderr)?.[1] ?? /^\w*Error: .+$/m.exec(stderr)?.[0];
}

/** The folder of the libraries that an addon is linked to: beside its own in a cache, or `deps` in the package. */
async function librariesOf(addon: string): Promise<string> {
  const { stdout } = await promisify(execFile)('ldd', [addon]);
  const [, framework] = /libtensorflow_framework\.so\.2 => (\S+)/.exec(stdout) ?? [];
  if (framework === undefined)
    throw new UserError(`${addon} does not find its libraries: set up again, or build the image again.`);
  return dirname(dirname(await realpath(framework)));
}
