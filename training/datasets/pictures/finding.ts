import type { ProblemCause } from './picture-facts.ts';

/** Something that a person should know before training. */
export interface Finding {
  readonly kind: FindingKind;
  /** It stops training; spoils what is learned or measured; or is good to know. */
  readonly level: 'error' | 'warning' | 'note';
  /** A sentence without its full stop, with the count. */
  readonly title: string;
  /** How many there are. */
  readonly count: number;
  /** The first thousand: of 100,000 pictures, each may be one. */
  readonly examples: readonly Example[];
  /** What to do about it, as a sentence. */
  readonly remedy: string;
}

export interface Example {
  /** Paths or classes, with what was found. */
  readonly words: string;
  /** Indices of the usable pictures that show it. */
  readonly pictures: readonly number[];
}

export type FindingKind =
  // What stops training.
  | 'too-many-broken'
  | 'class-too-small'
  | 'all-equal'
  | 'class-without-split'
  | 'no-test-pictures'
  // Files.
  | ProblemCause
  | 'left-out'
  | 'hidden'
  | 'links'
  | 'repaired'
  | 'wrong-ending'
  | 'similar-names'
  | 'unicode-forms'
  | 'odd-names'
  // Pictures.
  | 'two-classes'
  | 'leakage'
  | 'duplicates'
  | 'near-duplicates'
  | 'plain'
  | 'grey'
  | 'small'
  | 'odd-shape'
  | 'odd-size'
  // Classes.
  | 'few-pictures'
  | 'imbalance';

/** Examples of a finding that are kept. */
const MOST = 1_000;

type Found = Omit<Finding, 'count' | 'examples' | 'title'> & { readonly title: (count: number) => string };

/** @returns none if there are no items */
export function finding<Item>(
  { title, ...found }: Found,
  items: readonly Item[],
  exampleOf: (item: Item) => Example,
): Finding[] {
  const count = items.length;
  return count === 0
    ? []
    : [{ ...found, title: title(count), count, examples: items.slice(0, MOST).map((item) => exampleOf(item)) }];
}

/** An example that no picture shows. */
export function inWords(words: string): Example {
  return { words, pictures: [] };
}

/** `1 file`, `2 files`. */
export function counted(one: string, many: string): (count: number) => string {
  return (count) => `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
