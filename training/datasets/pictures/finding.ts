import type { ProblemCause } from './picture-facts.ts';

/** Something that a person should know before training. */
export interface Finding {
  readonly kind: FindingKind;
  /** It stops training; spoils what is learned or measured; or is good to know. */
  readonly level: 'error' | 'warning' | 'note';
  /** A sentence without its full stop, with the count. */
  readonly title: string;
  /** All of them. */
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

type Found = Omit<Finding, 'examples' | 'title'> & { readonly title: (count: number) => string };

/** @returns none if there are no examples */
export function finding({ title, ...found }: Found, examples: readonly Example[]): Finding[] {
  return examples.length === 0 ? [] : [{ ...found, title: title(examples.length), examples }];
}

/** `1 file`, `2 files`. */
export function counted(one: string, many: string): (count: number) => string {
  return (count) => `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
