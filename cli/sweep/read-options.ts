import { UsageError } from '#errors/user-error.ts';
import { type Axis, changesIn, keepSchema, type SweepDefinition, type SweepFile, takes } from './definition.ts';

/** The options of the command, as they were typed. */
export interface SweepOptionTexts {
  readonly set?: readonly string[];
  readonly over?: readonly string[];
  readonly seeds?: string;
  readonly data?: string;
  readonly from?: string;
  readonly keep?: string;
  readonly halving?: string;
  readonly atMost?: string;
}

/**
 * The sweep that a file and options ask for together: an option replaces what the file says, `--set` and `--over` add to it.
 *
 * @throws {UsageError} an option is malformed, or no recipe is named
 */
export function readOptions(file: SweepFile, options: SweepOptionTexts): SweepDefinition {
  const recipe = file.recipe;
  if (recipe === undefined)
    throw new UsageError(
      'Which recipe? Name one, such as "sweep quick --over learningRate=0.2,0.4", or write it into the sweep file.',
    );
  const keep = options.keep ?? file.keep ?? 'none';
  checkKeep(keep);
  return {
    recipe,
    data: options.data ?? file.data ?? 'cifar10',
    from: options.from ?? file.from,
    set: [...changesIn(file.set), ...(options.set ?? [])],
    over: [
      ...Object.entries(file.over ?? {}).map(([setting, values]) => ({ setting, values })),
      ...(options.over ?? []).map(readAxis),
    ],
    variants: (file.variants ?? []).map(({ name, set }) => ({ name, set: changesIn(set) })),
    seeds: options.seeds === undefined ? seedsIn(file.seeds ?? 1) : readSeeds(options.seeds),
    keep,
    halving: options.halving === undefined ? file.halving : wholeIn('--halving', options.halving, { from: 2, to: 10 }),
    atMost: options.atMost === undefined ? file.atMost : wholeIn('--at-most', options.atMost, { from: 1 }),
  };
}

/** @throws {UsageError} the text says not what is kept */
export function checkKeep(keep: string): void {
  if (!keepSchema.safeParse(keep).success) throw new UsageError(`--keep cannot be "${keep}". Give ${takes.keep}.`);
}

/** `learningRate=0.2,0.4`; values that have commas themselves are separated by semicolons. */
function readAxis(text: string): Axis {
  const [, setting, values] = /^([^=\s]+)=(.*)$/s.exec(text) ?? [];
  if (setting === undefined || values === undefined) {
    throw new UsageError(`"${text}" is no grid. Write --over key=value,value, such as --over learningRate=0.2,0.4.`);
  }
  const separator = values.includes(';') ? ';' : ',';
  return {
    setting,
    values: values
      .split(separator)
      .map((value) => value.trim())
      .filter((value) => value !== ''),
  };
}

/** A number of seeds, from 1 on, or the seeds themselves. */
function seedsIn(seeds: number | readonly number[]): readonly number[] {
  return typeof seeds === 'number' ? Array.from({ length: seeds }, (_, index) => index + 1) : seeds;
}

function readSeeds(text: string): readonly number[] {
  if (!text.includes(',')) return seedsIn(wholeIn('--seeds', text, { from: 1, to: 1_000_000 }));
  return text.split(',').map((seed) => wholeIn('--seeds', seed.trim(), { from: 0 }));
}

/** @throws {UsageError} the text is no whole number within the range */
export function wholeIn(
  option: string,
  text: string,
  { from, to = Number.MAX_SAFE_INTEGER }: { readonly from: number; readonly to?: number },
): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= from && value <= to) return value;
  const range = to === Number.MAX_SAFE_INTEGER ? `from ${from}` : `from ${from} to ${to.toLocaleString('en')}`;
  const list = option === '--seeds' ? ', or a list such as 1,2,5' : '';
  throw new UsageError(`${option} cannot be "${text}". Give a whole number ${range}${list}.`);
}
