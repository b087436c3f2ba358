import { isDeepStrictEqual } from 'node:util';
import { listAliases, resolveVersion } from '#models/aliases.ts';
import { type Card, parentName } from '#models/card.ts';
import { decodeJson, encodeJson } from '#models/json.ts';
import { isPlanId } from '#models/plans/plan.ts';
import { readResult } from '#models/plans/results.ts';
import { decodeBits, type HeldOutAnswers, SweepResult } from '#models/plans/sweep-result.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readVersion, type VerifiedVersion } from '#models/versions.ts';
import { type PairedTest, pairedTest } from '#training/evaluation/paired-test.ts';
import { fromStoredSettings } from '#training/recipe/stored-settings.ts';

/** A value of both versions. Fractions are in [0, 1], times in seconds, sizes in bytes. */
export interface Pair<Value> {
  readonly first: Value;
  readonly second: Value;
}

/** A number of both, and by how much the second one's is larger; absent where the two cannot be compared. */
export interface Measured extends Pair<number> {
  readonly difference?: number;
}

/** What is different about two versions: the JSON that `models diff` prints. */
export interface Difference {
  readonly first: { readonly version: string; readonly aliases: readonly string[] };
  readonly second: { readonly version: string; readonly aliases: readonly string[] };
  /** Facts that differ: the recipe's name, seed, epochs, parent, commit, input, engine, machine, run, … */
  readonly facts: Readonly<Record<string, Pair<unknown>>>;
  /** Settings that differ, by their current names; null where a version does not have one. */
  readonly settings: Readonly<Record<string, Pair<unknown>>>;
  /** Data that differ: its name, the digest of a split, the number of images held out. */
  readonly data: Readonly<Record<string, Pair<unknown>>>;
  readonly classes: {
    readonly onlyFirst: readonly string[];
    readonly onlySecond: readonly string[];
    /** Whether the classes of both are in another order. */
    readonly isReordered: boolean;
  };
  readonly test: {
    /** Whether both were tested on the same images; if not, metrics have no difference. */
    readonly isSame: boolean;
    readonly metrics: Readonly<Record<string, Measured>>;
    /** The share of each class of both that is answered rightly. */
    readonly perClass: Readonly<Record<string, Measured>>;
  };
  /** On the held-out images, image by image; present where both are runs of sweeps that held out the same images. */
  readonly heldOut?: PairedTest;
  /** Temperature, and what marks an answer as uncertain or a picture as unfamiliar. */
  readonly thresholds: Readonly<Record<string, Measured>>;
  readonly size: Readonly<Record<string, Measured>>;
  readonly speed: Readonly<Record<string, Measured>>;
}

/**
 * Reads two versions, verified byte by byte, and says what is different about them.
 *
 * @param names versions or aliases
 * @throws {UnknownVersion | DamagedVersion} there is no such version, or it was changed
 */
export async function differenceOf(store: ObjectStore, names: readonly [string, string]): Promise<Difference> {
  const [one, other] = [await open(store, names[0]), await open(store, names[1])];
  const aliases = [...(await listAliases(store))];
  const named = ({ id }: VerifiedVersion) => ({
    version: id,
    aliases: aliases.flatMap(([name, { version }]) => (version === id ? [name] : [])),
  });
  const [first, second] = [one.card, other.card];
  const isSame = first.data.sha256.test === second.data.sha256.test;
  const answers = [await heldOutAnswers(store, first), await heldOutAnswers(store, second)] as const;
  const heldOut = holdSameOut(first, second) ? pairedHeldOut(...answers) : undefined;
  return {
    first: named(one),
    second: named(other),
    facts: differing(factsOf(first), factsOf(second)),
    settings: differing(settingsOf(first), settingsOf(second)),
    data: differing(dataOf(first), dataOf(second)),
    classes: {
      onlyFirst: first.classes.filter((name) => !second.classes.includes(name)),
      onlySecond: second.classes.filter((name) => !first.classes.includes(name)),
      isReordered: !isDeepStrictEqual(
        first.classes.filter((name) => second.classes.includes(name)),
        second.classes.filter((name) => first.classes.includes(name)),
      ),
    },
    test: {
      isSame,
      metrics: measured(metricsOf(first), metricsOf(second), isSame),
      perClass: measured(first.accuracy.perClass, second.accuracy.perClass, isSame),
    },
    ...(heldOut && { heldOut }),
    thresholds: measured(thresholdsOf(first), thresholdsOf(second)),
    size: measured(sizesOf(one), sizesOf(other)),
    speed: measured(speedOf(first), speedOf(second)),
  };
}

async function open(store: ObjectStore, name: string): Promise<VerifiedVersion> {
  return readVersion(store, await resolveVersion(store, name));
}

function factsOf(card: Card): Record<string, unknown> {
  const { name, createdAt, input, recipe, seed, epochs, kept, parent, commit, engine, host, run, license } = card;
  const beginning = parent === undefined ? 'drawn weights' : parentName(parent);
  const machine = `${host.gpu ?? host.cpu}, ${host.cores} cores`;
  return {
    ...{ model: name, recipe: recipe.name, seed, epochs, weights: kept?.weights, parent: beginning, commit },
    ...{ input: `${input.height}x${input.width}x${input.channels} ${input.fit ?? 'crop'}`, engine, machine },
    ...{ createdAt, run, license },
  };
}

function settingsOf({ recipe }: Card): Record<string, unknown> {
  return fromStoredSettings(recipe.settings);
}

function dataOf({ data, accuracy }: Card): Record<string, unknown> {
  const { name, sha256, heldOut } = data;
  return { name, ...sha256, heldOut, testImages: accuracy.images };
}

/** Without those that a card of an older release does not have. */
function metricsOf({ accuracy, loss, calibration }: Card): Record<string, number | undefined> {
  const { plain, tta, top5, macro, macroAuc } = accuracy;
  return { plain, tta, top5, macroF1: macro?.f1, macroAuc, loss, calibrationError: calibration?.after };
}

function thresholdsOf({ temperature, uncertainBelow, unfamiliar }: Card): Record<string, number | undefined> {
  return { temperature, uncertainBelow, unfamiliarAbove: unfamiliar?.above };
}

function sizesOf({ card, manifest }: VerifiedVersion): Record<string, number | undefined> {
  const weights = manifest.files.find(({ path }) => path === 'weights.bin')?.size;
  const files = manifest.files.reduce((sum, { size }) => sum + size, 0);
  return { parameters: card.parameters, weights, files };
}

function speedOf({ trainingSeconds, wallSeconds, epochs }: Card): Record<string, number | undefined> {
  return { trainingSeconds, secondsAnEpoch: epochs > 0 ? trainingSeconds / epochs : undefined, wallSeconds };
}

/** What is not the same in both; null where one does not have it. */
function differing(
  first: Readonly<Record<string, unknown>>,
  second: Readonly<Record<string, unknown>>,
): Record<string, Pair<unknown>> {
  const names = [...new Set([...Object.keys(first), ...Object.keys(second)])];
  return Object.fromEntries(
    names
      .filter((name) => !isDeepStrictEqual(first[name], second[name]))
      .map((name) => [name, { first: first[name] ?? null, second: second[name] ?? null }]),
  );
}

/** What both have. */
function measured(
  first: Readonly<Record<string, number | undefined>>,
  second: Readonly<Record<string, number | undefined>>,
  isComparable = true,
): Record<string, Measured> {
  const both = Object.entries(first).flatMap(([name, one]) => {
    const other = second[name];
    if (one === undefined || other === undefined) return [];
    return [[name, { first: one, second: other, ...(isComparable && { difference: other - one }) }] as const];
  });
  return Object.fromEntries(both);
}

/** The same images are held out for every seed. */
function holdSameOut({ data: one, ...first }: Card, { data: other, ...second }: Card): boolean {
  const isSame = one.sha256.train === other.sha256.train && one.heldOut === other.heldOut;
  return isSame && isDeepStrictEqual(first.classes, second.classes);
}

/** Which held-out images a version of a sweep answered rightly: its run is named after plan and shard. */
async function heldOutAnswers(store: ObjectStore, { run }: Card): Promise<HeldOutAnswers | undefined> {
  const [plan = '', shard] = run.split('.');
  if (!isPlanId(plan) || shard === undefined) return undefined;
  const found = await readResult(store, plan, shard);
  return found && decodeJson(SweepResult, encodeJson(found.result), `the result of ${run}`).heldOut;
}

function pairedHeldOut(one?: HeldOutAnswers, other?: HeldOutAnswers): PairedTest | undefined {
  if (one === undefined || other === undefined || one.images !== other.images) return undefined;
  const right = ({ right, images }: HeldOutAnswers) => Uint8Array.from(decodeBits(right, images), Number);
  return pairedTest(right(one), right(other), new Uint8Array(one.images).fill(1));
}
