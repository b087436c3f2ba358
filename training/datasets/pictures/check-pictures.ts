import { UserError } from '#errors/user-error.ts';
import { groupBy } from '../../data/group-by.ts';
import { type BrokenPicture, type Finding, findingsOf, type UsablePicture } from './findings.ts';
import type { Listing, SplitName } from './listing.ts';
import { nearDuplicates } from './near-duplicates.ts';
import type { Pack, PackedPicture } from './pack.ts';
import { splitPictures } from './split-pictures.ts';
import { unitsOf } from './units.ts';

export interface Inspected {
  readonly usable: readonly UsablePicture[];
  /** The split of each usable picture. */
  readonly splits: readonly SplitName[];
  readonly broken: readonly BrokenPicture[];
  readonly findings: readonly Finding[];
}

/**
 * Looks for what is wrong with a set of pictures, and decides how it is split.
 *
 * @param pictures what is known of each picture of the listing, in its order
 * @throws {UserError} a class has fewer than two pictures that can be read, or no picture is left to test on
 */
export async function checkPictures(
  listing: Listing,
  pictures: readonly PackedPicture[],
  size: number,
  pack: Pack,
): Promise<Inspected> {
  const usable: UsablePicture[] = [];
  const broken: BrokenPicture[] = [];
  for (const [index, { path, ...listed }] of listing.pictures.entries()) {
    const packed = pictures[index]!;
    if ('problem' in packed) broken.push({ path, problem: packed.problem });
    else usable.push({ path, ...listed, facts: packed.facts, at: packed.at, crc32: packed.crc32 });
  }
  const likes = await nearDuplicates(usable, size, pack);
  const units = unitsOf(usable, likes);
  const splits = splitPictures(
    usable.map(({ label, split, facts: { sha256 } }, index) => ({ label, split, sha256, unit: units[index]! })),
  );
  assertClasses(listing, usable, splits, broken);
  return { usable, splits, broken, findings: findingsOf(listing, { usable, broken, likes, splits }) };
}

/** @throws {UserError} a class cannot be learned or measured; the message names it */
function assertClasses(
  { title, classes }: Listing,
  usable: readonly UsablePicture[],
  splits: readonly SplitName[],
  [broken]: readonly BrokenPicture[],
): void {
  const cause = broken ? ` (${broken.path} ${broken.problem})` : '';
  const byClass = groupBy(usable.keys(), (index) => usable[index]!.label);
  for (const [label, name] of classes.entries()) {
    const indices = byClass.get(label) ?? [];
    if (indices.length < 2) {
      throw new UserError(
        `The class "${name}" of ${title} has ${indices.length === 0 ? 'no picture that can be read' : 'one picture'}${cause}. ` +
          'It takes two at least, one to learn from and one to check by, and some dozens to be learned well. Add pictures, or remove the class.',
      );
    }
    for (const [split, purpose] of [
      ['train', 'learned from'],
      ['val', 'checked by'],
    ] as const) {
      if (indices.some((index) => splits[index] === split)) continue;
      throw new UserError(
        `No picture of the class "${name}" of ${title} is left to be ${purpose}: its ${indices.length} pictures are copies of each other, ` +
          'of one group, or all given to other splits. Add others.',
      );
    }
  }
  if (!splits.includes('test')) {
    throw new UserError(`${title} has no picture to test on: a class needs three for that. Add pictures.`);
  }
}
