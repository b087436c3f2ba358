import type { PlanDraft } from '#models/plans/plan.ts';

/** A sweep of so many runs of `short` that differ in the seed. */
export function sweepDraft(runs: number): PlanDraft<'sweep'> {
  return {
    ...{ kind: 'sweep', code: 'ab'.repeat(32), options: {} },
    items: Array.from({ length: runs }, (_, seed) => ({
      ...{ name: `seed=${seed}`, recipe: 'short', set: [], seed, data: 'cifar10', group: 'short' },
    })),
  };
}
