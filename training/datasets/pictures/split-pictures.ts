import { groupBy } from '../../data/group-by.ts';
import type { SplitName } from './listing.ts';

/** A picture to be given a split. */
export interface SplitPicture {
  readonly label: number;
  /** SHA-256 of its file, in hex. */
  readonly sha256: string;
  /** The split that the place gives it. */
  readonly split?: SplitName | undefined;
  /** Pictures with the same number belong together: near duplicates, and those of one group of the place. */
  readonly unit: number;
}

/** Shares of the pictures that are held out and that test, where the place has no such split. */
const SHARE = 0.1;

/**
 * Gives each picture a split. Given ones are kept, but where the place gives no test pictures, or none that are held out, a
 * tenth of the others becomes such. Which ones depends on the content of a picture and of those that it belongs to alone, so that
 * they are the same for every seed, and stay when pictures are added.
 *
 * Of each class at least one picture is held out, if it has two, and one tests, if it has three.
 */
export function splitPictures(pictures: readonly SplitPicture[]): SplitName[] {
  const given = new Set(pictures.map(({ split }) => split));
  const needs = { test: !given.has('test'), val: !given.has('val') };
  const digests = unitDigests(pictures);
  const splits = pictures.map(({ split }): SplitName => split ?? 'train');
  const free = pictures
    .map((picture, index) => ({ ...picture, index }))
    .filter(({ split }) => split === undefined || (split === 'train' && (needs.test || needs.val)));
  for (const ofClass of groupBy(free, ({ label }) => label).values()) {
    const units = [...groupBy(ofClass, ({ unit }) => unit)].map(([unit, members]) => ({
      digest: digests.get(unit)!,
      members,
    }));
    units.sort((one, other) => (one.digest < other.digest ? -1 : 1));
    const { test, val } = countsOf(
      units.map(({ digest }) => digest),
      needs,
    );
    for (const [place, { members }] of units.entries()) {
      const split = place < test ? 'test' : place < test + val ? 'val' : 'train';
      for (const { index } of members) splits[index] = split;
    }
  }
  return splits;
}

/** What decides where a unit goes: the least digest of its pictures. */
function unitDigests(pictures: readonly SplitPicture[]): Map<number, string> {
  const digests = new Map<number, string>();
  for (const { unit, sha256 } of pictures) {
    const least = digests.get(unit);
    if (least === undefined || sha256 < least) digests.set(unit, sha256);
  }
  return digests;
}

/** How many units of a class, the least digests first, test and how many are held out. At least one is left to train on. */
function countsOf(
  digests: readonly string[],
  needs: { readonly test: boolean; readonly val: boolean },
): { readonly test: number; readonly val: number } {
  const below = (share: number) =>
    digests.filter((digest) => Number.parseInt(digest.slice(0, 12), 16) < share * 2 ** 48).length;
  const ends = { test: needs.test ? SHARE : 0, val: (needs.test ? SHARE : 0) + (needs.val ? SHARE : 0) };
  const least = { test: Number(needs.test && digests.length > 2), val: Number(needs.val && digests.length > 1) };
  let test = Math.max(least.test, below(ends.test));
  let val = Math.max(least.val, below(ends.val) - below(ends.test));
  while (test + val >= digests.length && test + val > 0) {
    if (test > least.test && (val === least.val || test > val)) test--;
    else val--;
  }
  return { test, val };
}
