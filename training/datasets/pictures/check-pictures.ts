import type { OnBad } from '../../data/dataset.ts';
import { groupBy } from '../../data/group-by.ts';
import type { Example, Finding } from './finding.ts';
import { type BrokenPicture, findingsOf, type Seen, type UsablePicture } from './findings.ts';
import type { Listing } from './listing.ts';
import { nearDuplicates } from './near-duplicates.ts';
import type { Pack, PackedPicture } from './pack.ts';
import { splitPictures } from './split-pictures.ts';
import { unitsOf } from './units.ts';

/** The share of pictures that may be unreadable: a few are an accident, more are a mistake. */
const MOST_BROKEN = 0.01;

export interface Checked extends Omit<Seen, 'likes'> {
  /** Those that stop training come first. */
  readonly findings: readonly Finding[];
}

interface CheckOptions {
  readonly pack: Pack;
  /** Of the pixels in the pack, across and down. */
  readonly size: number;
  readonly onBad?: OnBad | undefined;
}

/**
 * Looks for what is wrong with a set of pictures, and decides how it is split.
 *
 * @param pictures what is known of each picture of the listing, in its order
 */
export async function checkPictures(
  listing: Listing,
  pictures: readonly PackedPicture[],
  { pack, size, onBad }: CheckOptions,
): Promise<Checked> {
  const usable: UsablePicture[] = [];
  const broken: BrokenPicture[] = [];
  for (const [index, { path, ...listed }] of listing.pictures.entries()) {
    const packed = pictures[index]!;
    if ('problem' in packed) broken.push({ path, label: listed.label, cause: packed.cause, problem: packed.problem });
    else usable.push({ path, ...listed, facts: packed.facts, at: packed.at, crc32: packed.crc32 });
  }
  const likes = await nearDuplicates(usable, size, pack);
  const units = unitsOf(usable, likes);
  const splits = splitPictures(
    usable.map(({ label, split, facts: { sha256 } }, index) => ({ label, split, sha256, unit: units[index]! })),
  );
  const seen = { usable, broken, likes, splits };
  const findings = [...refusals(listing, seen, units, onBad), ...findingsOf(listing, seen)];
  return { usable, splits, broken, findings };
}

/** What stops training: a class cannot be learned or measured, or too much of the set is missing. */
function refusals(
  { title, classes }: Listing,
  { usable, broken, splits }: Seen,
  units: readonly number[],
  onBad: OnBad | undefined,
): Finding[] {
  const level = 'error';
  const found: Finding[] = [];
  const byClass = groupBy(usable.keys(), (index) => usable[index]!.label);
  const examplesOf = (pictures: readonly number[]): Example[] => {
    const more = pictures.length > 3 ? ` and ${pictures.length - 3} more` : '';
    const paths = pictures.slice(0, 3).map((index) => usable[index]!.path);
    return [{ words: `${paths.join(', ')}${more}`, pictures }];
  };
  const wordsOf = (some: readonly BrokenPicture[]): Example[] =>
    some.map(({ path, problem }) => ({ words: `${path} ${problem}`, pictures: [] }));
  const all = usable.length + broken.length;
  for (const [label, name] of classes.entries()) {
    const indices = byClass.get(label) ?? [];
    if (indices.length < 2) {
      found.push({
        ...{ kind: 'class-too-small', level },
        title: `The class "${name}" of ${title} has ${indices.length === 0 ? 'no picture that can be read' : 'one picture'}`,
        examples: indices.length === 0 ? wordsOf(broken.filter((each) => each.label === label)) : examplesOf(indices),
        remedy:
          'It takes two at least, one to learn from and one to check by, and some dozens to be learned well. Add pictures, or remove the class.',
      });
      continue;
    }
    const missing = (['train', 'val'] as const).find((split) => !indices.some((index) => splits[index] === split));
    if (missing === undefined) continue;
    const areOne = new Set(indices.map((index) => units[index])).size === 1;
    found.push({
      ...{ kind: areOne ? 'all-equal' : 'class-without-split', level },
      title: `No picture of the class "${name}" of ${title} is left to be ${missing === 'train' ? 'learned from' : 'checked by'}`,
      examples: examplesOf(indices),
      remedy: areOne
        ? 'They are copies of each other, or of one group: add other pictures, or remove the class.'
        : 'All of them are given to other splits: give it some.',
    });
  }
  if (broken.length > (onBad === 'skip' ? all : onBad === 'fail' ? 0 : MOST_BROKEN * all)) {
    found.push({
      ...{ kind: 'too-many-broken', level },
      title: `${broken.length} of the ${all} pictures of ${title} cannot be read`,
      examples: wordsOf(broken),
      remedy: 'Mend or remove them, or leave them out with "--on-bad skip".',
    });
  }
  if (!splits.includes('test') && found.length === 0) {
    found.push({
      ...{ kind: 'no-test-pictures', level },
      title: `${title} has no picture to test on`,
      examples: [],
      remedy: 'A class needs three pictures for that: add some.',
    });
  }
  return found;
}
