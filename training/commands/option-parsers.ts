import { InvalidArgumentError } from 'commander';

/** For an option that may be repeated: its values in order. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** @throws {InvalidArgumentError} the text is no whole number from 0 */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It must be a whole number, such as 1.');
}

/** What the options of a command that trains change of the recipe, `key=value` each; `--budget` has the last word. */
export function changesOf({ set = [], budget }: { set?: readonly string[]; budget?: string }): readonly string[] {
  return budget === undefined ? set : [...set, `budget=${budget}`];
}
