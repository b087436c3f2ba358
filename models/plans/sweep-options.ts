import * as z from 'zod/mini';
import { decodeJson, encodeJson } from '../json.ts';
import { planKey } from './plan.ts';

const whole = z.number().check(z.int(), z.positive());
const plan = z.string().check(z.regex(/^[0-9a-f]{12}$/));

/** What decides a sweep besides its runs: `options` of its plan. */
export const SweepOptions = z.strictObject({
  /** Which runs are published when the sweep ends. */
  keep: z.string().check(z.regex(/^(all|none|best:[1-9]\d{0,5})$/)),
  /** The settings that differ between groups, in the order in which they were given. */
  over: z.array(z.string()),
  /** Absent where every run is trained to its end at once. */
  halving: z.optional(
    z.strictObject({
      /** Of so many groups one advances to the next rung. Each rung trains that many times the epochs of the one before. */
      factor: whole.check(z.minimum(2)),
      /** Counts from 1. */
      rung: whole,
      rungs: whole,
      /** The plan of the first rung; absent in that plan. */
      first: z.optional(plan),
    }),
  ),
  /** The plan whose runs are published; absent in a plan whose runs are trained. */
  publishes: z.optional(plan),
});
export type SweepOptions = z.infer<typeof SweepOptions>;

/** @throws {MalformedObject} they are of another release */
export function sweepOptionsOf(id: string, { options }: { readonly options: object }): SweepOptions {
  return decodeJson(SweepOptions, encodeJson(options), planKey(id, 'plan.json'));
}

/** The name of the run that is a shard of a sweep. In a plan that publishes it is the run that was trained. */
export function runOfShard(id: string, { publishes }: SweepOptions, shard: string): string {
  return `${publishes ?? id}.${shard}`;
}
