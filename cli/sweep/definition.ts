import * as z from 'zod/mini';

/** The most seeds that a number may stand for: more runs of a setting than any plan takes. */
const MOST_SEEDS = 1_000_000;

const text = z.string().check(z.minLength(1));
const whole = z.number().check(z.int(), z.nonnegative());

/** A value of a setting, as `--set` takes it: numbers, `true` and lists of numbers are written as they are in a file. */
const value = z.pipe(
  z.union([z.string(), z.number(), z.boolean(), z.array(z.number()).check(z.minLength(1))]),
  z.transform(String),
);
const settings = z.union([z.record(z.string(), value), z.array(z.string())]);

/** What `keep` and `--keep` take. */
export const keepSchema = z.string().check(z.regex(/^(all|none|best:[1-9]\d{0,5})$/));

/** A sweep as people write it: the members of a sweep file. */
export const SweepFile = z.strictObject({
  recipe: z.optional(text),
  data: z.optional(text),
  from: z.optional(text),
  set: z.optional(settings),
  over: z.optional(z.record(z.string(), z.array(value))),
  variants: z.optional(z.array(z.strictObject({ name: text, set: z.optional(settings) }))),
  seeds: z.optional(z.union([whole.check(z.positive(), z.maximum(MOST_SEEDS)), z.array(whole)])),
  keep: z.optional(keepSchema),
  halving: z.optional(whole.check(z.minimum(2), z.maximum(10))),
  atMost: z.optional(whole.check(z.positive())),
});
export type SweepFile = z.output<typeof SweepFile>;

/** What each member of a sweep file takes, to follow "Give". */
export const takes: Readonly<Record<keyof SweepFile, string>> = {
  recipe: 'a recipe by name',
  data: 'what train --data takes',
  from: 'a version, an alias or none',
  set: 'settings with their values, such as {epochs: 2}',
  over: 'settings with lists of values, such as {learningRate: [0.2, 0.4]}',
  variants: 'a list of {name, set}',
  seeds: `how many from 1 on, at most ${MOST_SEEDS.toLocaleString('en')}, or a list of whole numbers from 0`,
  keep: 'best:<number>, such as best:3, or all or none',
  halving: 'a whole number from 2 to 10, such as 3',
  atMost: 'a whole number from 1',
};

/** Settings with values that make groups of runs. */
export interface Axis {
  readonly setting: string;
  readonly values: readonly string[];
}

/** Settings that are tried under a name. */
export interface Variant {
  readonly name: string;
  /** `key=value` each. */
  readonly set: readonly string[];
}

/** A sweep: each variant with each combination of the axes' values, with each seed. */
export interface SweepDefinition {
  readonly recipe: string;
  /** As `train --data` takes it. */
  readonly data: string;
  /** A version, an alias, a Keras file or `none`; undefined where nobody said it. */
  readonly from: string | undefined;
  /** Of all runs, `key=value` each. */
  readonly set: readonly string[];
  readonly over: readonly Axis[];
  /** None: all runs have the same settings but for the axes. */
  readonly variants: readonly Variant[];
  readonly seeds: readonly number[];
  /** `best:<number>`, `all` or `none`. */
  readonly keep: string;
  /** One of so many groups advances after each rung. @default every run is trained to its end */
  readonly halving: number | undefined;
  readonly atMost: number | undefined;
}

/** Settings of a file as changes, `key=value` each. */
export function changesIn(given: SweepFile['set'] = []): string[] {
  return Array.isArray(given) ? given : Object.entries(given).map(([name, text]) => `${name}=${text}`);
}
