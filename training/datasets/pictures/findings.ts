import { groupBy } from '../../data/group-by.ts';
import type { Listing, SplitName } from './listing.ts';
import type { ReadPicture } from './near-duplicates.ts';

/** A listed picture that was read. */
export interface UsablePicture extends ReadPicture {
  readonly path: string;
  readonly label: number;
  readonly split?: SplitName;
  readonly group?: string;
}

export interface BrokenPicture {
  readonly path: string;
  /** To follow the path, as in `a.png is empty`. */
  readonly problem: string;
}

/** Something that a person should know before training. */
export interface Finding {
  readonly kind: FindingKind;
  /** A sentence without its full stop, with the count. */
  readonly title: string;
  /** Paths or classes, the first ones. */
  readonly examples: readonly string[];
  /** What to do about it, as a sentence. */
  readonly remedy: string;
}

export type FindingKind =
  | 'unreadable'
  | 'left-out'
  | 'repaired'
  | 'wrong-ending'
  | 'duplicates'
  | 'two-classes'
  | 'leakage'
  | 'few-pictures'
  | 'imbalance'
  | 'small'
  | 'plain'
  | 'odd-shape'
  | 'similar-names';

/** Pictures of a class below which accuracies say little. */
const FEW = 20;
/** The largest class has so many times the pictures of the smallest: then a net that ignores the smallest looks good. */
const IMBALANCE = 10;
/** Examples that a finding names. */
const EXAMPLES = 5;

/** What was found of the pictures one by one. */
interface Seen {
  readonly usable: readonly UsablePicture[];
  readonly broken: readonly BrokenPicture[];
  /** The split of each usable picture. */
  readonly splits: readonly SplitName[];
  /** A number for each usable picture, the same for near duplicates. */
  readonly likes: readonly number[];
}

/** What a person should know of a set of pictures, what matters most first. */
export function findingsOf(listing: Listing, seen: Seen): Finding[] {
  return [
    ...namesThatLookAlike(listing),
    ...filesLeftOut(listing, seen),
    ...pictureFindings(seen),
    ...duplicateFindings(listing, seen),
    ...classFindings(listing, seen),
  ];
}

/** @returns none if there are no examples */
function finding(
  kind: FindingKind,
  examples: readonly string[],
  title: (count: number) => string,
  remedy: string,
): Finding[] {
  if (examples.length === 0) return [];
  return [{ kind, title: title(examples.length), examples: examples.slice(0, EXAMPLES), remedy }];
}

function namesThatLookAlike({ classes }: Listing): Finding[] {
  const alike = [
    ...groupBy(classes, (name) =>
      name
        .toLowerCase()
        .replaceAll(/[\s_-]+/g, ' ')
        .trim(),
    ).values(),
  ];
  const examples = alike
    .filter((names) => names.length > 1)
    .map((names) => names.map((name) => `"${name}"`).join(' and '));
  return finding(
    'similar-names',
    examples,
    (count) => `${count} ${count === 1 ? 'pair' : 'pairs'} of classes with names that differ in case or spaces alone`,
    'If they mean the same, move their pictures into one.',
  );
}

function filesLeftOut({ leftOut }: Listing, { broken }: Seen): Finding[] {
  return [
    ...finding(
      'unreadable',
      broken.map(({ path, problem }) => `${path} ${problem}`),
      (count) => `${count} ${count === 1 ? 'picture' : 'pictures'} that cannot be read`,
      'They are left out. Save them again, or remove them.',
    ),
    ...finding(
      'left-out',
      leftOut.map(({ path, reason }) => `${path} ${reason}`),
      (count) => `${count} ${count === 1 ? 'file' : 'files'} left out`,
      'If one is a picture, move it into the folder of its class.',
    ),
  ];
}

function pictureFindings({ usable }: Seen): Finding[] {
  const those = (has: (picture: UsablePicture) => string | undefined) =>
    usable.flatMap((picture) => {
      const found = has(picture);
      return found === undefined ? [] : [`${picture.path}${found}`];
    });
  return [
    ...finding(
      'repaired',
      those(({ facts }) => facts.repaired && ` (${facts.repaired})`),
      (count) => `${count} ${count === 1 ? 'file' : 'files'} with slight damage`,
      'They are used; the pictures are whole.',
    ),
    ...finding(
      'wrong-ending',
      those(({ facts }) => facts.format && ` is ${facts.format}`),
      (count) => `${count} ${count === 1 ? 'file' : 'files'} whose name ends as another format`,
      'They are used. Other programs may refuse them: rename them.',
    ),
    ...finding(
      'plain',
      those(({ facts }) => (facts.isPlain ? '' : undefined)),
      (count) => `${count} ${count === 1 ? 'picture' : 'pictures'} of a single colour`,
      'There is nothing to learn from them: remove them.',
    ),
    ...finding(
      'odd-shape',
      those(({ facts: { width, height } }) =>
        Math.max(width / height, height / width) > 3 ? ` (${width}x${height})` : undefined,
      ),
      (count) => `${count} ${count === 1 ? 'picture' : 'pictures'} more than three times as long as wide`,
      'Only the middle of them is seen: cut out what matters.',
    ),
    ...finding(
      'small',
      those(({ facts: { width, height } }) => (Math.min(width, height) < 16 ? ` (${width}x${height})` : undefined)),
      (count) => `${count} ${count === 1 ? 'picture' : 'pictures'} of less than 16 pixels across or down`,
      'They are blown up. Use the originals, if these are thumbnails.',
    ),
  ];
}

function duplicateFindings({ classes }: Listing, { usable, likes, splits }: Seen): Finding[] {
  const copies = [...groupBy(usable.keys(), (index) => likes[index]!).values()].filter((indices) => indices.length > 1);
  const named = (indices: readonly number[]) =>
    indices
      .slice(0, 2)
      .map((index) => usable[index]!.path)
      .join(' and ');
  const over = copies.filter((indices) => new Set(indices.map((index) => usable[index]!.label)).size > 1);
  const leaks = copies.filter((indices) => new Set(indices.map((index) => splits[index])).size > 1);
  const differing = (indices: readonly number[], memberOf: (index: number) => unknown) => {
    const [first] = indices;
    return named([first!, indices.find((index) => memberOf(index) !== memberOf(first!))!]);
  };
  return [
    ...finding(
      'two-classes',
      over.map(
        (indices) =>
          `${differing(indices, (index) => usable[index]!.label)} (${[...new Set(indices.map((index) => `"${classes[usable[index]!.label]}"`))].join(', ')})`,
      ),
      (count) => `${count} ${count === 1 ? 'picture' : 'pictures'} in more than one class`,
      'One of the labels is wrong, and no net can learn both: remove it.',
    ),
    ...finding(
      'leakage',
      leaks.map((indices) => differing(indices, (index) => splits[index])),
      (count) => `${count} ${count === 1 ? 'picture' : 'pictures'} both trained on and measured with`,
      'The accuracy will look better than it is: keep each in one split.',
    ),
    ...finding(
      'duplicates',
      copies.map(named),
      (count) => `${count} ${count === 1 ? 'picture' : 'pictures'} more than once, as a copy or nearly so`,
      'They count as often as they are there. Remove copies that are not meant.',
    ),
  ];
}

function classFindings({ classes }: Listing, { usable }: Seen): Finding[] {
  const counts = groupBy(usable, ({ label }) => label);
  const sizes = classes
    .map((name, label) => ({ name, count: counts.get(label)!.length }))
    .sort((a, b) => a.count - b.count);
  const [least, most] = [sizes[0]!, sizes.at(-1)!];
  return [
    ...finding(
      'few-pictures',
      sizes.filter(({ count }) => count < FEW).map(({ name, count }) => `"${name}" (${count})`),
      (count) => `${count} ${count === 1 ? 'class' : 'classes'} with fewer than ${FEW} pictures`,
      'Add pictures: an accuracy over so few says little.',
    ),
    ...finding(
      'imbalance',
      most.count > IMBALANCE * least.count
        ? [`"${most.name}" (${most.count}) and "${least.name}" (${least.count})`]
        : [],
      () => `A class has more than ${IMBALANCE} times the pictures of another`,
      'Rare classes will be missed more often: add pictures to them.',
    ),
  ];
}
