import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { browser } from './browser.ts';
import { engineHere, tensorFlowJs } from './javascript.ts';
import { keras, onnxRuntime } from './python.ts';
import { type Question, type Runtime, type RuntimeAnswer, RuntimeMissing } from './runtime.ts';
import { lambda, served } from './served.ts';

/** The largest difference of a probability that counts as the same answer: kernels sum in other orders. */
export const TOLERANCE = 1e-5;

/** A runtime beside the one that serves. */
export interface Compared {
  readonly runtime: string;
  readonly pictures: number;
  /** The largest absolute difference of a probability from that of the serving engine. */
  readonly difference: number;
  /** Pictures with the same most probable class. */
  readonly sameLabels: number;
  readonly milliseconds: number;
}

interface Missing {
  readonly runtime: string;
  /** Why it was not asked, and how to get it. */
  readonly missing: string;
}

/** By their names where they are not installed. WebAssembly comes before native TensorFlow, which stays the backend once loaded. */
const runtimes: Readonly<Record<string, Runtime>> = {
  Keras: keras,
  'ONNX Runtime': onnxRuntime,
  'TensorFlow.js on WebAssembly': tensorFlowJs(false),
  'TensorFlow.js on TensorFlow': tensorFlowJs(true),
  'the page in a browser': browser,
  'cifar10 serve': served,
  "the Lambda's bundle": lambda,
};

/**
 * Asks every runtime on this machine for the same pictures.
 *
 * @param onAsk is called with the name of each, before
 * @returns the serving engine, then the others
 */
export async function verifyEverywhere(
  question: Omit<Question, 'folder'>,
  onAsk: (runtime: string) => void,
): Promise<(Compared | Missing)[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cifar10-verify-'));
  try {
    const reference = await engineHere({ ...question, folder });
    const rows: (Compared | Missing)[] = [compare(reference, reference, question)];
    for (const [index, [name, runtime]] of Object.entries(runtimes).entries()) {
      const own = join(folder, String(index));
      await mkdir(own);
      onAsk(name);
      rows.push(await rowOf(name, runtime, reference, { ...question, folder: own }));
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function rowOf(
  name: string,
  runtime: Runtime,
  reference: RuntimeAnswer,
  question: Question,
): Promise<Compared | Missing> {
  try {
    return compare(await runtime(question), reference, question);
  } catch (error) {
    if (error instanceof RuntimeMissing) return { runtime: name, missing: error.message };
    throw new UserError(`${name} fails: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** Every picture counts; what is no number, or is missing, differs without end. */
export function compare(
  { runtime, probabilities, milliseconds }: RuntimeAnswer,
  reference: Pick<RuntimeAnswer, 'probabilities'>,
  {
    count,
    version,
  }: Pick<Question, 'count'> & { readonly version: { readonly card: { readonly classes: readonly string[] } } },
): Compared {
  const classes = version.card.classes.length;
  let difference = probabilities.length === count * classes ? 0 : Number.POSITIVE_INFINITY;
  let sameLabels = 0;
  for (let image = 0; image < count; image++) {
    let [best, expected] = [0, 0];
    for (let label = 0; label < classes; label++) {
      const at = image * classes + label;
      const apart = Math.abs(probabilities[at]! - reference.probabilities[at]!);
      difference = Math.max(difference, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
      if (probabilities[at]! > probabilities[image * classes + best]!) best = label;
      if (reference.probabilities[at]! > reference.probabilities[image * classes + expected]!) expected = label;
    }
    sameLabels += Number(best === expected);
  }
  return { runtime, pictures: count, difference, sameLabels, milliseconds };
}
