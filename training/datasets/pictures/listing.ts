/** What a place says of its pictures, before any of them is opened. */
export interface Listing {
  /** Absolute: the folder that all pictures are in. */
  readonly root: string;
  /** The name for people: that of the folder or of the table. */
  readonly title: string;
  /** In natural order: `2` before `10`. */
  readonly classes: readonly string[];
  /** In the order of the table, or of their paths. */
  readonly pictures: readonly ListedPicture[];
  /** Files and folders that are no pictures or may not be used, with the reason. */
  readonly leftOut: readonly LeftOut[];
}

export interface ListedPicture {
  /** Relative to the root, with slashes: its name in messages. */
  readonly path: string;
  /** Index of its class. */
  readonly label: number;
  /** Where the place says so itself. */
  readonly split?: SplitName;
  /** Pictures of one group, such as the frames of a film, belong to the same split. */
  readonly group?: string;
}

export type SplitName = 'train' | 'val' | 'test';

export interface LeftOut {
  readonly path: string;
  /** To follow the path, as in `b.txt is no picture`. */
  readonly reason: string;
  /** What people leave in folders on purpose or by accident, where it is that. @default any other thing */
  readonly kind?: 'hidden' | 'link';
}

/** Other names that people give to splits. */
const splitNames: Readonly<Record<string, SplitName>> = {
  train: 'train',
  training: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  test: 'test',
  testing: 'test',
};

/** The names of splits that are taken, for messages. */
export const knownSplits = Object.keys(splitNames).join(', ');

/** @returns `undefined` if the word names no split */
export function splitNamed(word: string): SplitName | undefined {
  return Object.hasOwn(splitNames, word.toLowerCase()) ? splitNames[word.toLowerCase()] : undefined;
}

/** `photo2` before `photo10`, as people count; words that differ in case alone have an order too. */
const natural = new Intl.Collator('en', { numeric: true });

/** Compares as people sort names; equal only if they are the same. */
export function byName(one: string, other: string): number {
  return natural.compare(one, other) || (one < other ? -1 : Number(one > other));
}

/** The most classes of a data set: a page with more can no longer be read, and a table of them no longer be checked. */
export const MOST_CLASSES = 10_000;
