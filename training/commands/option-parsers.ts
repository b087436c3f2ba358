import { InvalidArgumentError, Option } from 'commander';

/** Collects the values of a repeatable option, in order. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** @throws {InvalidArgumentError} the text is not a whole number from 0 */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It must be a whole number, such as 1.');
}

/** The changes of the recipe that the options ask for, `key=value` each; `--budget` comes last, so that it wins. */
export function changesOf({ set = [], budget }: { set?: readonly string[]; budget?: string }): readonly string[] {
  return budget === undefined ? set : [...set, `budget=${budget}`];
}

/** What happens to pictures that cannot be read, for every command that opens pictures. */
export function onBadOption(): Option {
  return new Option(
    '--on-bad <what>',
    'skip pictures that cannot be read, however many, or fail at the first (default: skip up to 1 %, fail above)',
  ).choices(['skip', 'fail']);
}
