import { UserError } from '#errors/user-error.ts';
import { percent, points } from '#models/percent.ts';
import type { GroupComparison, GroupSummary } from '../evaluation/seed-groups.ts';
import { compareRuns, type RankedGroup, rankGroups } from '../record/sweep/rank-groups.ts';
import type { Sweep } from '../record/sweep/read-sweep.ts';

/** Two groups of a sweep on its held-out images: the JSON that `compare --sweep` prints. Fractions are in [0, 1]. */
export interface ComparedGroups extends GroupComparison {
  readonly sweep: string;
  readonly first: ComparedGroup;
  readonly second: ComparedGroup;
  /** A sentence that says whether chance explains the difference. */
  readonly verdict: string;
}

interface ComparedGroup extends GroupSummary {
  readonly group: string;
}

/** One false alarm in twenty comparisons. */
const LEVEL = 0.05;

/**
 * @param first a group by its name, or by settings that no other group has together, such as `optimizer=muon`
 * @throws {UserError} there is no such group or more than one, or they have no seed in common that is measured
 */
export function compareSweepGroups(sweep: Sweep, first: string, second: string): ComparedGroups {
  const { groups } = rankGroups(sweep);
  const [one, other] = [groupOf(groups, first), groupOf(groups, second)];
  const comparison = one.rung === other.rung ? compareRuns(one.runs, other.runs) : undefined;
  if (comparison === undefined || one.heldOut === undefined || other.heldOut === undefined) {
    throw new UserError(
      `"${one.group}" and "${other.group}" have no seed in common that is measured on the same images after as long a training. ` +
        `Look at "./cifar10 sweep status ${sweep.id}".`,
    );
  }
  const compared = {
    sweep: sweep.id,
    first: { group: one.group, ...one.heldOut },
    second: { group: other.group, ...other.heldOut },
    ...comparison,
  };
  return { ...compared, verdict: verdictOf(compared) };
}

function groupOf(groups: readonly RankedGroup[], asked: string): RankedGroup {
  const exact = groups.find(({ group }) => group === asked);
  if (exact) return exact;
  const words = asked.split(/[\s,]+/).filter((word) => word !== '');
  const found = groups.filter(({ group, settings }) => {
    const own = new Set([...group.split(' '), ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)]);
    return words.every((word) => own.has(word));
  });
  if (found.length === 1) return found[0]!;
  const names = (found.length > 1 ? found : groups).map(({ group }) => `  ${group}`).join('\n');
  throw new UserError(
    found.length > 1
      ? `"${asked}" fits ${found.length} groups. Give more of its settings:\n${names}`
      : `The sweep has no group "${asked}". Its groups are:\n${names}`,
  );
}

/** As `compare` shows two versions. */
export function describeGroups({
  first,
  second,
  images,
  seeds,
  covers,
  verdict,
  ...comparison
}: ComparedGroups): string {
  const { difference, interval95, pValue } = comparison;
  const line = ({ group, runs, mean, deviation, min, max }: ComparedGroup) => {
    const spread =
      deviation === undefined ? '' : ` ± ${(100 * deviation).toFixed(2)}, ${percent(min)} to ${percent(max)}`;
    return `  ${group.padEnd(40)} ${percent(mean)}${spread}   ${runs === 1 ? '1 run' : `${runs} runs`}`;
  };
  return `${[
    `On the same ${images.toLocaleString('en')} held-out images, by ${seeds.length === 1 ? `seed ${seeds[0]}` : `the seeds ${seeds.join(', ')}`} of both`,
    line(first),
    line(second),
    '',
    `  difference ${points(difference)} points, 95 %: ${interval95.map(points).join(' to ')} (over ${covers}); p = ${pValue < 1e-4 ? pValue.toExponential(1) : pValue.toFixed(4)}`,
    '',
    verdict,
  ].join('\n')}\n`;
}

function verdictOf({ first, second, difference, pValue, covers }: Omit<ComparedGroups, 'verdict'>): string {
  const by = `${Math.abs(100 * difference).toFixed(2)} points`;
  if (pValue >= LEVEL) return `Chance explains the difference of ${by}. Do not take it for progress.`;
  const [better, worse] = difference > 0 ? [second, first] : [first, second];
  const limit =
    covers === 'images' ? ' This is about the networks of one seed: more seeds tell whether the settings are.' : '';
  return `Chance does not explain it: ${better.group} is better than ${worse.group} by ${by}.${limit}`;
}
