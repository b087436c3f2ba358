import { isDeepStrictEqual } from 'node:util';
import { UserError } from '#errors/user-error.ts';
import { moveAlias, readAlias, type StoredAlias } from './aliases.ts';
import type { Card } from './card.ts';
import { goldenDifference, goldenPixels } from './golden.ts';
import { percent } from './percent.ts';
import type { ObjectStore } from './stores/object-store.ts';
import { DamagedVersion, readVersion, UnknownVersion, type VerifiedVersion } from './versions.ts';

/** Half a point: the difference between two seeds of one recipe on 10,000 images. */
const TOLERANCE = 0.005;

/**
 * Classifies images by the runtime that will serve the version.
 *
 * @param images `[N, height, width, channels]` uint8
 * @returns probabilities `[N, classes]`
 */
export type Predict = (version: VerifiedVersion, images: Uint8Array) => Promise<ArrayLike<number>>;

/**
 * The accuracy of a version on the test images that a card is about.
 *
 * @returns a fraction in [0, 1]
 * @throws {UserError} those test images are unavailable, or the version cannot classify them
 */
export type Evaluate = (version: VerifiedVersion, on: Card) => Promise<number>;

export interface Promotion {
  readonly version: string;
  readonly by: string;
  readonly predict: Predict;
  /** Used if candidate and current version were tested on different images. */
  readonly evaluate: Evaluate;
  /** @default production */
  readonly alias?: string;
  /** Stored with the alias. */
  readonly reason?: string | undefined;
  /** Promote although the accuracy is lower or cannot be compared; needs a reason. @default false */
  readonly force?: boolean;
  /** By how much the plain test accuracy may be lower, as a fraction. @default 0.005 */
  readonly tolerance?: number;
}

/** The version is not accurate enough, or the serving runtime answers otherwise than it was trained to. */
export class PromotionRefused extends UserError {
  override readonly name = 'PromotionRefused';
}

/**
 * Moves `production`, or another alias, to a version. The version must be complete and unchanged, the serving runtime must
 * reproduce its golden vectors, and it must be as accurate as the current one, on the same test images: where the two were
 * tested on different ones, both are evaluated on the candidate's.
 *
 * Only the accuracy can be overridden, with a reason, which is stored: an endpoint would refuse a version whose golden vectors
 * it cannot reproduce.
 *
 * @throws {PromotionRefused} the version is less accurate, cannot be compared, or fails the golden vectors
 * @throws {AliasMoved} somebody else promoted at the same time
 * @throws {UnknownVersion | DamagedVersion} there is no such version, or it was changed
 */
export async function promote(
  store: ObjectStore,
  { version, by, predict, evaluate, alias = 'production', reason, force = false, tolerance = TOLERANCE }: Promotion,
): Promise<StoredAlias> {
  if (force && !reason?.trim()) throw new PromotionRefused('An override needs a reason. Say why with --reason "…".');
  const expected = await readAlias(store, alias);
  const candidate = await readVersion(store, version);

  const difference = goldenDifference(candidate.golden, await predict(candidate, goldenPixels(candidate.golden)));
  if (!(difference <= candidate.golden.tolerance)) {
    throw new PromotionRefused(
      `${version} cannot be served: its golden vectors are answered with a difference of ${difference}, and at most ` +
        `${candidate.golden.tolerance} is allowed. Train it again with this release; this cannot be overridden.`,
    );
  }

  const objection = expected && (await objectionTo(candidate, expected.version, { store, evaluate, tolerance }));
  if (objection === undefined) return moveAlias(store, alias, { to: version, by, reason, expected });
  if (!force) {
    throw new PromotionRefused(
      `${version} ${objection.verdict} ${alias}: ${objection.facts}. To promote it anyway, add --force --reason "…".`,
    );
  }
  const recorded = `${reason} (override: ${objection.override})`;
  return moveAlias(store, alias, { to: version, by, reason: recorded, isOverride: true, expected });
}

interface Objection {
  readonly verdict: 'is worse than' | 'cannot be compared with';
  readonly facts: string;
  /** What an override is recorded with. */
  readonly override: string;
}

interface Comparing {
  readonly store: ObjectStore;
  readonly evaluate: Evaluate;
  readonly tolerance: number;
}

/** @returns `undefined` if the candidate is good enough to replace the current version */
async function objectionTo(
  candidate: VerifiedVersion,
  currentId: string,
  { store, evaluate, tolerance }: Comparing,
): Promise<Objection | undefined> {
  const current = await readVersion(store, currentId).catch((error: unknown) => {
    if (error instanceof UnknownVersion || error instanceof DamagedVersion) return undefined;
    throw error;
  });
  if (current === undefined) return undefined; // It can no longer be served, so nothing stands in the way.
  if (!isDeepStrictEqual(current.card.classes, candidate.card.classes))
    return otherClasses(candidate.card, current.card);
  if (haveSameTest(current.card, candidate.card)) {
    return lessAccurate({ before: current.card.accuracy.plain, after: candidate.card.accuracy.plain }, tolerance);
  }
  try {
    const before = await evaluate(current, candidate.card);
    return lessAccurate({ before, after: await evaluate(candidate, candidate.card) }, tolerance);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const facts = `it was tested on other images, on which not both can be evaluated (${error.message})`;
    return { verdict: 'cannot be compared with', facts, override: 'tested on other images' };
  }
}

function haveSameTest(one: Card, other: Card): boolean {
  return one.data.sha256.test === other.data.sha256.test;
}

function otherClasses(candidate: Card, current: Card): Objection {
  const facts = `it knows other classes (${differenceOf(candidate.classes, current.classes)})`;
  return { verdict: 'cannot be compared with', facts, override: 'other classes' };
}

/** How many names of classes a message has. */
const NAMED = 5;

/** Such as `without cat, dog; with fox; 11 instead of 12`. */
function differenceOf(after: readonly string[], before: readonly string[]): string {
  const [lost, gained] = [
    before.filter((name) => !after.includes(name)),
    after.filter((name) => !before.includes(name)),
  ];
  if (lost.length === 0 && gained.length === 0) return 'the same ones in another order';
  const named = (word: string, names: readonly string[]) => {
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
    return names.length === 0 ? [] : [`${word} ${names.slice(0, NAMED).join(', ')}${more}`];
  };
  return `${[...named('without', lost), ...named('with', gained)].join('; ')}; ${after.length} instead of ${before.length}`;
}

function lessAccurate(
  { before, after }: { readonly before: number; readonly after: number },
  tolerance: number,
): Objection | undefined {
  if (before - after <= tolerance) return undefined;
  const override = `plain test accuracy ${percent(after)} after ${percent(before)}`;
  return { verdict: 'is worse than', facts: `${override}, and at most ${percent(tolerance)} is tolerated`, override };
}
