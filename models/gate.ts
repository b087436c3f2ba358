import { UserError } from '#errors/user-error.ts';
import { moveAlias, readAlias, type StoredAlias } from './aliases.ts';
import { goldenDifference, goldenPixels } from './golden.ts';
import { percent } from './percent.ts';
import type { ObjectStore } from './stores/object-store.ts';
import { DamagedVersion, readCard, readVersion, UnknownVersion, type VerifiedVersion } from './versions.ts';

/** Half a point: what two seeds of one recipe differ by on 10,000 images. */
const TOLERANCE = 0.005;

/**
 * Answers images by the runtime that will serve the version.
 *
 * @param images `[N, height, width, channels]` uint8
 * @returns probabilities `[N, classes]`
 */
export type Predict = (version: VerifiedVersion, images: Uint8Array) => Promise<ArrayLike<number>>;

export interface Promotion {
  readonly version: string;
  readonly by: string;
  readonly predict: Predict;
  /** @default production */
  readonly alias?: string;
  /** Stored with the alias. */
  readonly reason?: string | undefined;
  /** Promote although the accuracy is lower; needs a reason. @default false */
  readonly force?: boolean;
  /** By how much the plain test accuracy may be lower, as a fraction. @default 0.005 */
  readonly tolerance?: number;
}

/** The version is not good enough, or not the one that the serving runtime would answer with. */
export class PromotionRefused extends UserError {
  override readonly name = 'PromotionRefused';
}

/**
 * The only way to `production`. A version gets there if every byte of it is what was published, the serving runtime
 * reproduces its golden vectors, and it is as good on the test set as the one that is there.
 *
 * Only the last can be overridden, with a reason which is stored: a version that the runtime cannot reproduce would be
 * refused by whoever serves it.
 *
 * @throws {PromotionRefused} it is not as good, or does not answer the golden vectors
 * @throws {AliasMoved} somebody else promoted at the same time
 * @throws {UnknownVersion | DamagedVersion} there is no such version, or it was changed
 */
export async function promote(
  store: ObjectStore,
  { version, by, predict, alias = 'production', reason, force = false, tolerance = TOLERANCE }: Promotion,
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

  const loss = expected && (await accuracyLost(store, candidate, expected.version));
  if (loss === undefined || loss.points <= tolerance)
    return moveAlias(store, alias, { to: version, by, reason, expected });
  if (!force) {
    throw new PromotionRefused(
      `${version} is worse than ${alias}: ${loss.text}, and at most ${percent(tolerance)} is tolerated. ` +
        'To promote it all the same, add --force --reason "…".',
    );
  }
  return moveAlias(store, alias, { to: version, by, reason: `${reason} (override: ${loss.text})`, expected });
}

async function accuracyLost(
  store: ObjectStore,
  candidate: VerifiedVersion,
  current: string,
): Promise<{ readonly points: number; readonly text: string } | undefined> {
  try {
    const before = (await readCard(store, current)).accuracy.plain;
    const after = candidate.card.accuracy.plain;
    return { points: before - after, text: `plain test accuracy ${percent(after)} after ${percent(before)}` };
  } catch (error) {
    // Deleted or damaged: nobody can serve it, so there is nothing to be worse than.
    if (error instanceof UnknownVersion || error instanceof DamagedVersion) return undefined;
    throw error;
  }
}
