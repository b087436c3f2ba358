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

/** Pictures that belong together and whose split is open. */
interface Unit {
  readonly members: number[];
  /** The least digest of its pictures, and that picture's class: they decide where the unit goes. */
  digest: string;
  home: number;
}

/**
 * Gives each picture a split. Given ones are kept, but where the place gives no test pictures, or none that are held out, a
 * tenth of the others becomes such. Which ones depends on the content of a picture and of those that it belongs to alone, so that
 * they are the same for every seed, and stay when pictures are added. What belongs together gets one split, even of several
 * classes, but for pictures that the place itself gives different ones.
 *
 * Of each class at least one picture is held out, if it has two, and one tests, if it has three: as far as they do not belong together.
 */
export function splitPictures(pictures: readonly SplitPicture[]): SplitName[] {
  const given = new Set(pictures.map(({ split }) => split));
  const needs = { test: !given.has('test'), val: !given.has('val') };
  const splits = pictures.map(({ split }): SplitName => split ?? 'train');
  const units = openUnits(pictures, needs, splits);
  for (const ofClass of groupBy(units, ({ home }) => home).values()) {
    ofClass.sort((one, other) => (one.digest < other.digest ? -1 : 1));
    const { test, val } = countsOf(
      ofClass.map(({ digest }) => digest),
      needs,
    );
    for (const [place, { members }] of ofClass.entries()) {
      const split = place < test ? 'test' : place < test + val ? 'val' : 'train';
      for (const index of members) splits[index] = split;
    }
  }
  completeClasses(pictures, units, needs, splits);
  return splits;
}

/** A picture without a given split follows one that it belongs to and that has one; the others make up the open units. */
function openUnits(
  pictures: readonly SplitPicture[],
  needs: { readonly test: boolean; readonly val: boolean },
  splits: SplitName[],
): Unit[] {
  const isOpen = (split: SplitName | undefined) =>
    split === undefined || (split === 'train' && (needs.test || needs.val));
  const decided = new Map<number, SplitName>();
  // Of several, the last here: one that is trained on makes no worse test of what it belongs to than it is.
  for (const wanted of ['test', 'val', 'train'] as const) {
    for (const { unit, split } of pictures) if (split === wanted && !isOpen(split)) decided.set(unit, split);
  }
  const units = new Map<number, Unit>();
  for (const [index, { unit, split, sha256, label }] of pictures.entries()) {
    const follows = decided.get(unit);
    if (split === undefined && follows !== undefined) {
      splits[index] = follows;
      continue;
    }
    if (!isOpen(split)) continue;
    const found = units.get(unit);
    if (found === undefined) {
      units.set(unit, { members: [index], digest: sha256, home: label });
      continue;
    }
    found.members.push(index);
    if (sha256 < found.digest || (sha256 === found.digest && label < found.home)) {
      found.digest = sha256;
      found.home = label;
    }
  }
  return [...units.values()];
}

/**
 * A class may lack a split whose pictures belong to those of other classes: another of its units goes there, if no class loses
 * its last picture to train on or to check by. To test on is the last need.
 */
function completeClasses(
  pictures: readonly SplitPicture[],
  units: readonly Unit[],
  needs: { readonly test: boolean; readonly val: boolean },
  splits: SplitName[],
): void {
  if (units.every(({ members, home }) => members.every((index) => pictures[index]!.label === home))) return;
  const labelsOf = ({ members }: Unit) => new Set(members.map((index) => pictures[index]!.label));
  const ofClass = new Map<number, Unit[]>();
  for (const unit of units) {
    for (const label of labelsOf(unit)) ofClass.set(label, [...(ofClass.get(label) ?? []), unit]);
  }
  const splitOf = ({ members: [first] }: Unit) => splits[first!]!;
  const wanted = (['train', 'val', 'test'] as const).filter((split) => split === 'train' || needs[split]);
  for (const [place, split] of wanted.entries()) {
    for (const [label, own] of [...ofClass].sort(([one], [other]) => one - other)) {
      if (own.length <= place || pictures.some((each, index) => each.label === label && splits[index] === split))
        continue;
      const isSpare = (unit: Unit) =>
        [...labelsOf(unit)].every((each) =>
          ofClass.get(each)!.some((other) => other !== unit && splitOf(other) === splitOf(unit)),
        );
      own.sort((one, other) => (one.digest < other.digest ? -1 : 1));
      const moved = own.find(isSpare) ?? own.find((unit) => split !== 'test' && splitOf(unit) === 'test');
      for (const index of moved?.members ?? []) splits[index] = split;
    }
  }
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
