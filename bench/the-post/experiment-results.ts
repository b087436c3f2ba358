import * as z from 'zod/mini';
import { median } from '#environment/median.ts';
import { rankGroups } from '#training/record/sweep/rank-groups.ts';
import type { Sweep } from '#training/record/sweep/read-sweep.ts';

const interval = z.readonly(z.tuple([z.number(), z.number()]));

/** `results/<date>-experiment-<name>.json`: sweeps of `experiments/<name>.yaml`. Accuracies are fractions, on held-out images. */
export const ExperimentResults = z.object({
  command: z.string(),
  at: z.string(),
  commit: z.string(),
  /** More than one where seeds were added later. */
  sweeps: z.array(z.string()).check(z.minLength(1)),
  /** The processors that trained, with their cores, and the engine with its threads and precision. */
  machines: z.array(z.string()),
  /** Held-out images. */
  images: z.number(),
  baseline: z.string(),
  /** In the order of the file. */
  groups: z.array(
    z.object({
      group: z.string(),
      seeds: z.array(z.number()),
      /** Runs that were abandoned since they diverged. */
      diverged: z.number(),
      /** Absent where no run is measured, as `loss` and `seconds` are. */
      accuracy: z.optional(z.number()),
      /** Student's t interval of the mean over the seeds; absent for one seed. */
      interval95: z.optional(interval),
      /** Mean cross-entropy. */
      loss: z.optional(z.number()),
      /** Of training, the median: of a machine that also did something else the mean tells more of that. */
      seconds: z.optional(z.number()),
      /** Minus the baseline, the same seeds on the same images; absent for the baseline. */
      difference: z.optional(z.object({ of: z.number(), interval95: interval })),
    }),
  ),
});
export type ExperimentResults = z.infer<typeof ExperimentResults>;

/**
 * What is kept of an experiment: all but who recorded it, and when.
 *
 * @param first sweep of its file
 * @param others of the same file with other seeds; a run that several have counts once
 */
export function experimentFigures(
  first: Sweep,
  ...others: readonly Sweep[]
): Omit<ExperimentResults, 'command' | 'at' | 'commit'> {
  const runs = new Map(
    [...others.toReversed(), first].flatMap((each) => each.runs.map((run) => [run.item.shard, run])),
  );
  const ordered = [first, ...others].flatMap((each) => each.runs.map(({ item }) => item.shard));
  const sweep = { ...first, runs: [...new Set(ordered)].map((shard) => runs.get(shard)!) };
  const { groups, baseline } = rankGroups(sweep);
  const order = [...new Set(sweep.runs.map(({ item }) => item.group))];
  const all = sweep.runs.flatMap(({ result }) => result ?? []);
  return {
    sweeps: [first, ...others].map(({ id }) => id),
    machines: [...new Set(all.map(({ machine: { cpu, cores }, engine }) => `${cpu}, ${cores} cores: ${engine}`))],
    images: all.find(({ heldOut }) => heldOut)?.heldOut?.images ?? 0,
    baseline: baseline.group,
    groups: order.map((name) => {
      const { runs, diverged, heldOut, againstBaseline } = groups.find(({ group }) => group === name)!;
      const measured = runs.flatMap(({ item, result }) => (result?.heldOut ? [{ ...result, seed: item.seed }] : []));
      const loss = measured.reduce((sum, { heldOut }) => sum + heldOut!.loss / measured.length, 0);
      return {
        ...{ group: name, seeds: measured.map(({ seed }) => seed), diverged },
        ...(heldOut && { accuracy: heldOut.mean, loss }),
        ...(heldOut && { seconds: median(measured.map(({ trainingSeconds }) => trainingSeconds)) }),
        ...(heldOut?.interval95 && { interval95: heldOut.interval95 }),
        ...(againstBaseline && {
          difference: { of: againstBaseline.difference, interval95: againstBaseline.interval95 },
        }),
      };
    }),
  };
}
