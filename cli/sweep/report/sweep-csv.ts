import { csvLine } from '#jobs/bulk/formats.ts';
import type { GroupComparison, GroupSummary } from '#training/evaluation/seed-groups.ts';
import { rankGroups } from '#training/record/sweep/rank-groups.ts';
import type { Sweep } from '#training/record/sweep/read-sweep.ts';
import { costOf, costOfAll } from './sweep-cost.ts';
import { meanSeconds } from './words.ts';

type Field = string | number;

/** A line a group, the best first. Accuracies and differences are fractions; empty fields are not known. @see RFC 4180 */
export function sweepCsv(sweep: Sweep): string {
  const { groups, varied } = rankGroups(sweep);
  const compared = (of: string) => ['difference', 'low', 'high', 'p_value', 'seeds'].map((name) => `${of}_${name}`);
  const header = [
    ...['rank', 'group', ...varied.map(({ name }) => name), 'runs', 'measured', 'diverged'],
    ...['held_out_mean', 'held_out_deviation', 'held_out_min', 'held_out_max', 'held_out_low', 'held_out_high'],
    ...[...compared('best'), ...compared('baseline'), 'tested', 'test_mean', 'seconds', 'dollars'],
  ];
  const lines = groups.map((group) => [
    ...[group.rank ?? '', group.group, ...varied.map(({ name }) => fieldOf(group.settings[name]!))],
    ...[group.runs.length, group.heldOut?.runs ?? 0, group.diverged, ...summaryFields(group.heldOut)],
    ...[...comparisonFields(group.againstBest), ...comparisonFields(group.againstBaseline)],
    ...[group.test?.runs ?? 0, group.test?.mean ?? '', meanSeconds(group.runs) ?? '', costOfAll(group.runs) ?? ''],
  ]);
  return [header, ...lines].map(csvLine).join('');
}

/** A line a run, in the order of the plan. */
export function sweepRunsCsv(sweep: Sweep): string {
  const { groups, varied } = rankGroups(sweep);
  const settings = new Map(groups.map(({ group, settings }) => [group, settings]));
  const header = [
    ...['shard', 'run', 'group', ...varied.map(({ name }) => name), 'seed', 'state', 'reason'],
    ...['held_out_accuracy', 'held_out_loss', 'held_out_images', 'epochs', 'steps', 'training_seconds', 'seconds'],
    ...['instance', 'dollars', 'version', 'test_accuracy', 'test_accuracy_with_augmentation'],
  ];
  const lines = sweep.runs.map((run): Field[] => {
    const { item, progress, result, failure, published } = run;
    return [
      ...[item.shard, result?.run ?? '', item.group],
      ...varied.map(({ name }) => fieldOf(settings.get(item.group)![name]!)),
      ...[item.seed, result?.outcome ?? progress.state, result?.reason ?? failure?.message ?? ''],
      ...[result?.heldOut?.accuracy ?? '', result?.heldOut?.loss ?? '', result?.heldOut?.images ?? ''],
      ...[result?.epochs ?? '', result?.steps ?? '', result?.trainingSeconds ?? '', result?.wallSeconds ?? ''],
      ...[result?.machine.instance ?? '', costOf(run) ?? '', published?.version ?? ''],
      ...[published?.accuracy.plain ?? '', published?.accuracy.tta ?? ''],
    ];
  });
  return [header, ...lines].map(csvLine).join('');
}

function summaryFields(summary: GroupSummary | undefined): Field[] {
  if (summary === undefined) return ['', '', '', '', '', ''];
  const { mean, deviation = '', min, max, interval95: [low, high] = ['', ''] } = summary;
  return [mean, deviation, min, max, low, high];
}

function comparisonFields(comparison: GroupComparison | undefined): Field[] {
  if (comparison === undefined) return ['', '', '', '', ''];
  const { difference, interval95, pValue, seeds } = comparison;
  return [difference, ...interval95, pValue, seeds.length];
}

/** Numbers as such, which no spreadsheet takes for a formula. */
function fieldOf(text: string): Field {
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}
