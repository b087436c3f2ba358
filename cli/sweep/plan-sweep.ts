import { makePlan, type PlanOf } from '#models/plans/plan.ts';
import type { SweepDefinition } from './definition.ts';
import { firstRung, keptOf, setOnRung } from './rungs.ts';
import { type CheckedGroup, runsOf } from './runs-of.ts';

/** The plans of a sweep as far as they are known before it begins: of later rungs, the number of groups. */
export interface PlannedSweep {
  readonly plan: PlanOf<'sweep'>;
  /** Of every rung, the first one included, to estimate what they take: which groups are left is not known yet. */
  readonly likely: readonly PlanOf<'sweep'>[];
}

/**
 * @param groups as `checkRuns` returns them
 * @param code of the program that will do it
 * @throws {UsageError} halving does not fit the groups
 */
export function planSweep(definition: SweepDefinition, groups: readonly CheckedGroup[], code: string): PlannedSweep {
  const { keep, halving: factor } = definition;
  const over = [
    ...new Set([
      ...definition.variants.flatMap(({ set }) => set.map(nameOf)),
      ...definition.over.map(({ setting }) => setting),
    ]),
  ];
  const options = { keep, over };
  const draft = { kind: 'sweep', code } as const;
  if (factor === undefined) {
    const plan = makePlan({ ...draft, options, items: runsOf(groups, definition) });
    return { plan, likely: [plan] };
  }
  const first = firstRung(groups, factor);
  const likely: PlanOf<'sweep'>[] = [];
  let left = groups.length;
  for (let rung = 1; rung <= first.rungs; rung++) {
    const halving = { ...first, rung };
    const shortened = groups
      .slice(0, left)
      .map((group) => ({ ...group, set: setOnRung(group.set, group.settings.epochs, halving) }));
    likely.push(makePlan({ ...draft, options: { ...options, halving }, items: runsOf(shortened, definition) }));
    left = keptOf(left, factor);
  }
  return { plan: likely[0]!, likely };
}

function nameOf(change: string): string {
  return change.slice(0, change.indexOf('='));
}
