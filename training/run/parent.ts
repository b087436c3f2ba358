import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { UsageError } from '#errors/user-error.ts';
import { isAliasName, resolveVersion } from '#models/aliases.ts';
import { type Parent, parentName } from '#models/card.ts';
import { sha256Of } from '#models/manifest.ts';
import { readArguments } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { isVersionId } from '#models/versions.ts';
import { readKeras } from '../export/read-keras.ts';
import { readTrainedNet } from '../export/weights.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import type { Net } from '../nets/net.ts';
import { weightSpecs } from '../nets/shapes.ts';
import type { StoredRecipe } from '../recipe/settings.ts';

/** Weights that a run begins with, instead of drawn ones. */
export interface OpenedParent {
  /** Their origin, for the card and the run's arguments. */
  readonly parent: Parent;
  readonly weights: readonly NamedTensor[];
  /** Absent where another program wrote the file. */
  readonly recipe?: StoredRecipe | undefined;
}

interface ParentOptions {
  /** A version, an alias, or the path of an `.h5` file. */
  readonly from: string;
  readonly store: ObjectStore;
  /** In a run that exists, an alias means the version that it meant when the run began. */
  readonly run: string;
}

/** @throws {UserError} the version or file does not exist, or cannot be read */
export async function openParent({ from, store, run }: ParentOptions): Promise<OpenedParent> {
  if (from.endsWith('.h5')) return await openFile(from);
  const parent = (await recall(store, run, from)) ?? {
    version: await resolveVersion(store, from),
    ...(isVersionId(from) ? {} : { alias: from }),
  };
  const { weights, recipe } = await readTrainedNet(store, parent.version);
  return { parent, weights, recipe };
}

/**
 * @returns the weights in the order of the net
 * @throws {UsageError} the parent has another net; the message names the first tensor that differs
 */
export function weightsFor(net: Net, { parent, weights, recipe }: OpenedParent): NamedTensor[] {
  const given = new Map(weights.map((tensor) => [tensor.name, tensor]));
  const remedy = recipe
    ? 'Leave out the recipe, and --set net, widths or imageSize, to train with those that it was made with.'
    : 'Train with the recipe, and the --set net, widths or imageSize, that it was made with.';
  const differs = (what: string) =>
    new UsageError(`${parentName(parent)} does not have the net of this recipe: ${what}. ${remedy}`);
  const fitting = weightSpecs(net).map(({ name, shape }) => {
    const tensor = given.get(name);
    if (tensor === undefined) throw differs(`it has no ${name}, which is [${shape}] here`);
    if (tensor.shape.join() !== shape.join()) throw differs(`${name} is [${tensor.shape}] there and [${shape}] here`);
    given.delete(name);
    return tensor;
  });
  const [unknown] = given.values();
  if (unknown !== undefined) throw differs(`it has ${unknown.name} [${unknown.shape}], which is unknown here`);
  return fitting;
}

/** The version that the run began from, if the same version or alias is asked for again. */
async function recall(store: ObjectStore, run: string, from: string) {
  const parent = (await readArguments(store, run))?.parent;
  return parent && 'version' in parent && (parent.version === from || parent.alias === from) ? parent : undefined;
}

async function openFile(path: string): Promise<OpenedParent> {
  const file = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be read (${error.code}). Give a version, an alias or a Keras .h5 file.`, {
      cause: error,
    });
  });
  const { weights, description } = readKeras(file);
  return { parent: { file: basename(path), sha256: sha256Of(file) }, weights, recipe: description?.recipe };
}

/** @throws {UsageError} the text is not a version, an alias or the path of an `.h5` file */
export function checkParent(from: string): string {
  if (from.endsWith('.h5') || isVersionId(from) || isAliasName(from)) return from;
  throw new UsageError(
    `${JSON.stringify(from)} is not something to train from. Give a version, an alias or a Keras .h5 file.`,
  );
}
