import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '#errors/user-error.ts';
import { isAliasName, resolveVersion } from '#models/aliases.ts';
import { type Parent, parentName } from '#models/card.ts';
import { sha256Of } from '#models/manifest.ts';
import { readArguments } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { isVersionId } from '#models/versions.ts';
import type { Dataset } from '../data/dataset.ts';
import type { ImageSet } from '../data/image-set.ts';
import { readKeras } from '../export/read-keras.ts';
import { readTrainedNet } from '../export/weights.ts';
import { headOf } from '../nets/head.ts';
import { initializeWeights } from '../nets/initialize.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import type { Net } from '../nets/net.ts';
import { weightSpecs } from '../nets/shapes.ts';
import { netOf, type Recipe } from '../recipe/recipes.ts';
import type { StoredRecipe } from '../recipe/settings.ts';

/** Weights that a run begins with, instead of drawn ones. */
export interface OpenedParent {
  /** Their origin, for the card and the run's arguments. */
  readonly parent: Parent;
  readonly weights: readonly NamedTensor[];
  /** What the weights are of; all three are absent where another program wrote the file. */
  readonly net?: Net | undefined;
  /** In the order of the outputs. */
  readonly classes?: readonly string[] | undefined;
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
  const { net, classes, weights, recipe } = await readTrainedNet(store, parent.version);
  return { parent, net, classes, weights, recipe };
}

/**
 * What becomes of a parent's head: what the classes of both know is kept, by their names.
 *
 * @param classes of the data set
 * @returns `undefined` where the classes are the same in the same order, or as many where the parent's names are unknown: then
 *   all weights are taken as they are
 */
function headFor(from: OpenedParent, classes: readonly string[]): Parent['head'] {
  const known = from.classes;
  if (known === undefined) {
    const { shape = [] } = from.weights.findLast(({ name }) => name.endsWith('/kernel')) ?? {};
    return shape.at(-1) === classes.length ? undefined : { kept: [], drawn: [...classes], left: [] };
  }
  if (isDeepStrictEqual(known, classes)) return undefined;
  return {
    kept: classes.filter((name) => known.includes(name)),
    drawn: classes.filter((name) => !known.includes(name)),
    left: known.filter((name) => !classes.includes(name)),
  };
}

/** The parent of a run on this data: it says what of the head is taken. */
export function parentFor(from: OpenedParent, { classes }: Pick<Dataset, 'classes'>): OpenedParent {
  const { head: _, ...parent } = from.parent;
  const head = headFor(from, classes);
  return { ...from, parent: head === undefined ? parent : { ...parent, head } };
}

/** The net of a recipe. A parent's first layers fit pixels that are normalized by the constants that it was trained with. */
export function netFor(recipe: Recipe, images: ImageSet, from?: OpenedParent): Net {
  const { mean, deviation } = from?.net?.layers.find((layer) => layer.kind === 'normalization') ?? images;
  return netOf(recipe, { ...images, mean, deviation });
}

interface WeightsOptions {
  /** Of the data set. */
  readonly classes: readonly string[];
  /** Draws what the parent's head does not have. */
  readonly seed: number;
}

/**
 * The weights of a parent. Where it has other classes, its body and, of the head, what belongs to classes of both; the rest is
 * drawn.
 *
 * @returns the weights in the order of the net
 * @throws {UsageError} the parent has another net; the message names what differs first
 */
export function weightsFor(net: Net, from: OpenedParent, { classes, seed }: WeightsOptions): NamedTensor[] {
  const { parent, recipe } = from;
  const given = new Map(from.weights.map((tensor) => [tensor.name, tensor]));
  const remedy = recipe
    ? 'Leave out the recipe, and --set net, widths, batchNormalization or imageSize, to train with those that it was made with.'
    : 'Train with the recipe, and the --set net, widths, batchNormalization or imageSize, that it was made with.';
  const differs = (what: string) =>
    new UsageError(`${parentName(parent)} does not have the net of this recipe: ${what}. ${remedy}`);
  const sizes = [from.net?.input ?? net.input, net.input].map(([height, width]) => `${height}x${width}`);
  if (sizes[0] !== sizes[1]) throw differs(`its images are ${sizes[0]}, and those of this run are ${sizes[1]}`);
  const drawn = headFor(from, classes) && initializeWeights(net, { seed, layer: headOf(net).name });
  const fitting = weightSpecs(net).map(({ name, shape }) => {
    const tensor = given.get(name);
    if (tensor === undefined) throw differs(`it has no ${name}, which is [${shape}] here`);
    const fresh = drawn?.find((weight) => weight.name === name);
    if (fresh && tensor.shape.slice(0, -1).join() === shape.slice(0, -1).join()) {
      given.delete(name);
      return withClassesOf(tensor, fresh, { from: from.classes ?? [], to: classes });
    }
    if (tensor.shape.join() !== shape.join()) throw differs(`${name} is [${tensor.shape}] there and [${shape}] here`);
    given.delete(name);
    return tensor;
  });
  const [unknown] = given.values();
  if (unknown !== undefined) throw differs(`it has ${unknown.name} [${unknown.shape}], which is unknown here`);
  return fitting;
}

/** A tensor of the head, `[…, classes]`, drawn, with the values of a parent's classes of the same names. */
function withClassesOf(
  parent: NamedTensor,
  drawn: NamedTensor,
  classes: { readonly from: readonly string[]; readonly to: readonly string[] },
): NamedTensor {
  const data = Float32Array.from(drawn.data);
  for (const [column, name] of classes.to.entries()) {
    const other = classes.from.indexOf(name);
    if (other < 0) continue;
    for (let row = 0; row * classes.to.length < data.length; row++) {
      data[row * classes.to.length + column] = parent.data[row * classes.from.length + other]!;
    }
  }
  return { ...drawn, data };
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
  const { net, classes, recipe } = description ?? {};
  return { parent: { file: basename(path), sha256: sha256Of(file) }, net, classes, weights, recipe };
}

/** @throws {UsageError} the text is not a version, an alias or the path of an `.h5` file */
export function checkParent(from: string): string {
  if (from.endsWith('.h5') || isVersionId(from) || isAliasName(from)) return from;
  throw new UsageError(
    `${JSON.stringify(from)} is not something to train from. Give a version, an alias or a Keras .h5 file.`,
  );
}
