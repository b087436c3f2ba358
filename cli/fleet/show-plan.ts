import pc from 'picocolors';
import { duration } from '#training/commands/run-view.ts';
import { suffixOf } from '../batch/batch-jobs.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import { table } from '../terminal/table.ts';
import { describeDollars } from './estimate.ts';
import type { ShardRow } from './plan-children.ts';
import type { PlanJob } from './plan-jobs.ts';
import type { PlanStatus } from './plan-status.ts';

/** Plans as a table, a line each. */
export function plansTable(plans: readonly PlanStatus[], { name }: Pick<Target, 'name'>): string[] {
  const header = ['plan', 'kind', 'state', 'on', 'done', 'running', 'waiting', 'failed', 'created', 'left'];
  const rows = plans.map((plan) => [
    plan.plan,
    plan.kind ?? '',
    plan.state,
    plan.device ?? '',
    `${count(plan.done)} of ${count(plan.total)}`,
    ...[plan.running, plan.waiting, plan.failed].map(count),
    minuteOf(plan.createdAt),
    plan.etaSeconds === undefined ? '' : duration(plan.etaSeconds),
    ...(name === 'aws' ? [costOf(plan)] : []),
  ]);
  return table([name === 'aws' ? [...header, 'cost'] : header, ...rows]);
}

/** All about one plan, but why shards failed. */
export function describePlan(
  target: Pick<Target, 'name'>,
  { BucketName }: StackOutputs,
  plan: PlanStatus,
  jobs: readonly PlanJob[],
): string {
  const { plan: id, kind, state, device, createdAt, stoppedAt, children, etaSeconds, machineSeconds, problem } = plan;
  const suffix = suffixOf(target);
  const facts: [name: string, fact: string | undefined][] = [
    ['kind', kind],
    ['state', state],
    ['problem', problem],
    ['on', device],
    ['created', createdAt.toISOString()],
    ['ended', stoppedAt?.toISOString()],
    ['shards', `${count(plan.done)} of ${count(plan.total)} done${others(plan)}`],
    ['children', childrenOf(children)],
    ['left', etaSeconds === undefined ? undefined : `about ${duration(etaSeconds)}`],
    ['machines', `${duration(machineSeconds)}${target.name === 'aws' ? `, ${costOf(plan)}` : ''}`],
    ...jobs.map((job): [string, string] => ['job', describeJob(job)]),
    ['results', kind && `s3://${BucketName}/${kind === 'classify' ? `batches/${id}/` : `plans/${id}/results/`}`],
    ['list', `./cifar10 jobs ${id} --children${suffix}`],
  ];
  const lines = facts.flatMap(([name, fact]) => (fact === undefined ? [] : [`${pc.dim(name.padEnd(10))} ${fact}`]));
  return [pc.bold(id), ...lines].join('\n');
}

/** Shards as a table, a line each; those that failed with the reason. */
export function shardsTable(rows: readonly ShardRow[]): string[] {
  const header = ['shard', 'state', 'attempts', 'child', 'took', 'what', ''];
  return table([
    header,
    ...rows.map(({ shard, state, attempts, submission, child, seconds, name, reason }) => [
      ...[shard, state, String(attempts), child === undefined ? '' : `${submission}:${child}`],
      ...[seconds === undefined ? '' : duration(seconds), name, reason?.replaceAll(/\s+/g, ' ') ?? ''],
    ]),
  ]);
}

function describeJob({ id, submission, children, isArray, status, states, reason, wasCancelled }: PlanJob): string {
  const size = isArray ? `an array of ${count(children)}` : 'one child';
  // Batch calls an array pending as long as any child has not ended.
  const ofChildren = Object.entries(states).filter(([, each]) => each > 0);
  const counts = ofChildren.map(([state, each]) => `${count(each)} ${state.toLowerCase()}`).join(', ');
  const state = wasCancelled ? 'cancelled' : status === 'PENDING' && counts !== '' ? counts : status.toLowerCase();
  return `${id}: ${size} of submission ${submission}, ${state}${reason === undefined ? '' : ` (${reason})`}`;
}

function others({ running, waiting, failed }: PlanStatus): string {
  const parts = Object.entries({ running, waiting, failed }).filter(([, each]) => each > 0);
  return parts.map(([name, each]) => `, ${count(each)} ${name}`).join('');
}

function childrenOf(children: PlanStatus['children']): string {
  const parts = Object.entries(children).filter(([, each]) => each > 0);
  return parts.map(([name, each]) => `${count(each)} ${name}`).join(', ');
}

/** List prices on demand are the most that it costs. */
function costOf({ dollars }: PlanStatus): string {
  if (dollars === undefined) return '';
  return `${dollars < 0.01 ? '' : 'at most '}${describeDollars(dollars)}`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}

/** Such as `2026-11-28 16:05`. */
export function minuteOf(time: Date): string {
  return time.toISOString().slice(0, 16).replace('T', ' ');
}
