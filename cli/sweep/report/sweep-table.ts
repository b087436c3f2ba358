import pc from 'picocolors';
import { percent, points } from '#models/percent.ts';
import { type RankedGroup, rankGroups } from '#training/record/sweep/rank-groups.ts';
import type { Sweep } from '#training/record/sweep/read-sweep.ts';
import { table } from '../../terminal/table.ts';
import { costOfAll } from './sweep-cost.ts';
import {
  differenceOf,
  dollars,
  duration,
  meanAndSpread,
  meanSeconds,
  nameOf,
  progressOf,
  range,
  unmeasured,
} from './words.ts';

interface Column {
  readonly title: string;
  readonly cell: (group: RankedGroup) => string;
  /** Columns are left out from the highest on until a line fits. */
  readonly dispensable: number;
}

/** Runs without accuracy that are named. */
const NAMED = 12;
/** A terminal's usual width. */
const USUAL = 80;

/**
 * A sweep for a terminal: how far it is, its groups, the best first, and the runs that failed or diverged, with the reason.
 *
 * @param columns of the terminal: what does not fit is left out, the least important first. @default 80
 * @param hasProgress whether the first line says how many runs are done. @default true
 * @returns lines
 */
export function sweepTable(
  sweep: Sweep,
  {
    columns = USUAL,
    hasProgress = true,
  }: { readonly columns?: number | undefined; readonly hasProgress?: boolean } = {},
): string[] {
  const ranked = rankGroups(sweep);
  const { groups, best, baseline } = ranked;
  const all: readonly Column[] = [
    { title: '', cell: ({ rank }) => (rank === undefined ? '' : String(rank)), dispensable: 0 },
    { title: 'group', cell: nameOf, dispensable: 0 },
    { title: 'runs', cell: countOf, dispensable: 3 },
    { title: 'held out', cell: ({ heldOut }) => (heldOut ? meanAndSpread(heldOut) : ''), dispensable: 0 },
    {
      title: '95 % of the mean',
      cell: ({ heldOut }) => (heldOut?.interval95 ? range(heldOut.interval95) : ''),
      dispensable: 7,
    },
    {
      title: 'against the best',
      cell: (group) => (group === best ? 'best' : group.againstBest ? differenceOf(group.againstBest) : ''),
      dispensable: 1,
    },
    {
      title: 'against the baseline',
      cell: (group) =>
        group === baseline ? 'baseline' : group.againstBaseline ? differenceOf(group.againstBaseline) : '',
      dispensable: 6,
    },
    { title: 'test', cell: ({ test }) => (test ? percent(test.mean) : ''), dispensable: 2 },
    { title: 'time', cell: ({ runs }) => timeOf(runs), dispensable: 4 },
    { title: 'cost', cell: ({ runs }) => dollars(costOfAll(runs)), dispensable: 5 },
  ];
  const used = all.filter(({ title, cell }) => title === '' || groups.some((group) => cell(group) !== ''));
  const failed = unmeasured(ranked).filter(({ reason }) => reason !== '');
  return [
    ...(hasProgress ? [progressOf(sweep), ''] : []),
    ...fitted(used, groups, columns),
    ...(failed.length > 0 ? ['', 'Without accuracy:'] : []),
    ...failed.slice(0, NAMED).map(({ run, state, reason }) => `  ${run.item.name}  ${pc.red(state)}  ${reason}`),
    ...(failed.length > NAMED ? [`  and ${failed.length - NAMED} more`] : []),
    ...(best === undefined || groups.length === 1 ? [] : ['', ...verdict(groups)]),
  ];
}

/** As many columns as fit, and names cut to what is left. */
function fitted(columns: readonly Column[], groups: readonly RankedGroup[], width: number): string[] {
  const linesOf = (shown: readonly Column[]) => [
    shown.map(({ title }) => title),
    ...groups.map((group) => shown.map(({ cell }) => cell(group))),
  ];
  const widthOf = (rows: readonly (readonly string[])[]) =>
    rows[0]!.reduce((sum, _, column) => sum + 2 + Math.max(...rows.map((row) => row[column]!.length)), -2);
  let shown = columns;
  while (widthOf(linesOf(shown)) > width) {
    const last = Math.max(...shown.map(({ dispensable }) => dispensable));
    if (last === 0) break;
    shown = shown.filter(({ dispensable }) => dispensable < last);
  }
  return table(linesOf(shown));
}

/** Which groups the sweep cannot tell from the best. */
function verdict(groups: readonly RankedGroup[]): string[] {
  const alike = groups.filter(({ againstBest }) => againstBest && againstBest.interval95[1] >= 0);
  if (alike.length === 0) return [];
  const nearest = alike[0]!;
  return [
    `${alike.length === 1 ? 'One group' : `${alike.length} groups`} may be as good as the best: seeds and images explain the difference (${nameOf(nearest)}: ${points(nearest.againstBest!.difference)} points).`,
  ];
}

/** The others are named below the table. */
function countOf({ runs, heldOut }: RankedGroup): string {
  const measured = heldOut?.runs ?? 0;
  return measured === runs.length ? String(measured) : `${measured} of ${runs.length}`;
}

function timeOf(runs: RankedGroup['runs']): string {
  const seconds = meanSeconds(runs);
  return seconds === undefined ? '' : duration(seconds);
}
