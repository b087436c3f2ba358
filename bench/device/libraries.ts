import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openedByTensorFlow, probeWithSimulatedDriver, UserError } from './project.ts';

/** Of the CUDA libraries that TensorFlow opens before it uses a GPU. */
export interface Libraries {
  /** The path of the addon that was asked. */
  readonly addon: string;
  readonly opened: readonly string[];
  /** With one that is missing TensorFlow uses no GPU. The loader's reason; `not tried` after another fault. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Asks TensorFlow itself, with a simulated driver, which CUDA libraries it can open where set-up or an image has put them. Needs
 * Linux on x86-64 and a C compiler, and no GPU.
 *
 * @param folder in which the addon for CUDA is found: a cache of set-up, an image's folder of the program, or above it
 * @param node the Node executable of an image. @default this process's
 * @throws {UserError} there is no addon for CUDA in the folder
 */
export async function checkLibraries(folder: string, node?: string): Promise<Libraries> {
  for (const addon of await addonsIn(folder)) {
    const probe = await probeWithSimulatedDriver(addon, node);
    if (probe.opened.length === 0 && probe.missing.length === 0) continue; // built without CUDA
    const reasons = new Map(probe.missing.map(({ name, reason }) => [name, reason]));
    const missing = openedByTensorFlow
      .filter((name) => !probe.opened.includes(name))
      .map((name) => ({ name, reason: reasons.get(name) ?? 'not tried' }));
    return { addon, opened: openedByTensorFlow.filter((name) => probe.opened.includes(name)), missing };
  }
  throw new UserError(`There is no TensorFlow for CUDA in ${folder}: give the folder that \`setup.mjs --gpu\` filled.`);
}

async function addonsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  return entries
    .filter((path) => path.endsWith(join('napi-v8', 'tfjs_binding.node')))
    .map((path) => join(folder, path));
}
