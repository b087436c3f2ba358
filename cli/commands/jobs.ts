import { type JobDetail, JobStatus } from '@aws-sdk/client-batch';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { mapInOrder } from '#environment/map-in-order.ts';
import { NotFound, UsageError } from '#errors/user-error.ts';
import { exitMeaning } from '#infra/training/exit-meaning.ts';
import { percent } from '#models/percent.ts';
import { isPlanId, readPlan } from '#models/plans/plan.ts';
import { type RunResult, readResult } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { jobPlace } from '#training/commands/place.ts';
import { duration } from '#training/commands/run-view.ts';
import {
  describeJobs,
  endJob,
  findJob,
  hasEnded,
  isJobId,
  type Job,
  type JobState,
  listJobDetails,
  listJobs,
  readJobs,
  stateOf,
  suffixOf,
} from '../batch/batch-jobs.ts';
import { followOnTerminal } from '../batch/follow-on-terminal.ts';
import { jobDollars } from '../batch/job-cost.ts';
import { type AttemptTimes, type JobTimes, jobTimes } from '../batch/job-times.ts';
import { describeAttempt, describeState, describeWait } from '../batch/job-view.ts';
import { ADVICE_SECONDS, explainWait, isWaiting, secondsWaited, type Wait } from '../batch/job-wait.ts';
import { describePlace, type QueuePlace, readPlaces } from '../batch/queue-place.ts';
import { readWait } from '../batch/read-wait.ts';
import { retriedTraining } from '../batch/retry-job.ts';
import { sharedCores } from '../batch/shared-cores.ts';
import { type SubmittedJob, submitJob } from '../batch/submit-job.ts';
import { readTaskTimes, type TaskTimes } from '../batch/task-times.ts';
import { atPricesOf } from '../cost/price-dates.ts';
import { describeDollars, describeEstimate, describeMost, estimateRun } from '../fleet/estimate.ts';
import { followPlan } from '../fleet/follow-plan.ts';
import { readShardRows, type ShardRowState } from '../fleet/plan-children.ts';
import { explainFailures } from '../fleet/plan-failures.ts';
import { cancelPlan, type PlanJob, planJobs, readPlanJob } from '../fleet/plan-jobs.ts';
import { type PlanStatus, readPlanStatus } from '../fleet/plan-status.ts';
import { describeReceipt, jobReceipt, receiptOf } from '../fleet/receipt.ts';
import { describeRetry, retryPlan } from '../fleet/retry-plan.ts';
import { describePlan, minuteOf, plansTable, shardsTable } from '../fleet/show-plan.ts';
import { planQueue } from '../fleet/submit-plan.ts';
import { describeProgress, type RunProgress, readProgress } from '../runs/run-progress.ts';
import {
  openTarget,
  type StackOutputs,
  stageOption,
  type Target,
  type TargetOptions,
  targetOption,
} from '../stack/target.ts';
import { table } from '../terminal/table.ts';

/** Reads in flight at a time. */
const PARALLEL = 8;

export function jobsCommand(): Command {
  return new Command('jobs')
    .description('List jobs and arrays of jobs, or show, follow, retry or end one.')
    .argument('[job]', 'a run, a plan, or a job id')
    .addOption(targetOption())
    .addOption(stageOption())
    .addOption(
      new Option('--state <state>', 'list only jobs, or children, in this state').choices([
        ...Object.values(JobStatus).map((state) => state.toLowerCase()),
        ...['cancelled', 'waiting', 'done'],
      ]),
    )
    .option(
      '--children',
      'list the shards of a plan and the children that have them, those that failed with the reason',
    )
    .option('-f, --follow', 'follow the job until it ends, or until Ctrl-C')
    .option('--retry', 'submit what has no result again; a run resumes')
    .option('-y, --yes', 'with --retry of a plan: do not ask')
    .option('--cancel', 'end the job, or all jobs of a plan; they are not retried, and results stay')
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(async (reference: string | undefined, options: CommandOptions) => {
      check(reference, options);
      const target = await openTarget(options);
      if (reference === undefined) return list(target, options);
      const plan = await planOf(target, reference);
      await (plan === undefined ? one(target, reference, options) : onePlan(target, plan, options));
    });
}

interface CommandOptions extends TargetOptions {
  readonly state?: string;
  readonly children?: boolean;
  readonly follow?: boolean;
  readonly retry?: boolean;
  readonly yes?: boolean;
  readonly cancel?: boolean;
  readonly json?: boolean;
}

const examples = `
An array is one line: a plan with all of its jobs, counted by shards. Batch forgets a job a week after its
end; its run, plan and results stay in the store. Of a job that has waited for a machine for ten minutes
it says why, and what to do. On AWS the cost is that of the queue's dearest instances, on demand.

Examples:
  ./cifar10 jobs                                     all jobs, the newest first
  ./cifar10 jobs --state failed --target aws         failed jobs in your AWS account
  ./cifar10 jobs 20261123-041200-a1b2                one job, with its attempts and its result
  ./cifar10 jobs 20261123-041200-a1b2 --follow       follow it again, until it ends
  ./cifar10 jobs 20261123-041200-a1b2 --cancel       end it; its checkpoint stays
  ./cifar10 jobs 20261123-041200-a1b2 --retry        a new job that resumes its run
  ./cifar10 jobs 0a1b2c3d4e5f                        a plan: a sweep, or an array that classifies
  ./cifar10 jobs 0a1b2c3d4e5f --children --state failed
  ./cifar10 jobs 0a1b2c3d4e5f --retry --follow       do the shards without a result alone`;

function check(reference: string | undefined, { state, children, follow, retry, yes, cancel }: CommandOptions): void {
  const asked = Object.entries({ children, follow, retry, cancel }).find(([, isSet]) => isSet)?.[0];
  if (reference === undefined && asked !== undefined) {
    throw new UsageError(`Which job? Write "./cifar10 jobs <${asked === 'children' ? 'plan' : 'run'}> --${asked}".`);
  }
  if (reference !== undefined && state !== undefined && !children) {
    throw new UsageError(
      `--state picks jobs of the list, or shards of a plan: write "./cifar10 jobs --state ${state}" or "./cifar10 jobs <plan> --children --state ${state}".`,
    );
  }
  if (children && (follow || retry || cancel)) {
    throw new UsageError('--children only lists, so it excludes --follow, --retry and --cancel. Give one of them.');
  }
  if (yes && !retry) throw new UsageError('--yes answers the question of --retry. Add --retry, or omit --yes.');
  if (retry && cancel) throw new UsageError('--retry and --cancel exclude each other. Give one of them.');
}

/** The plan that a reference means: its id, or a job that works on one. */
async function planOf(target: Target, reference: string): Promise<string | undefined> {
  if (isPlanId(reference)) return reference;
  if (!isJobId(reference)) return undefined;
  const stack = await target.stack();
  return (await describeJobs(target, [reference])).flatMap((each) => readPlanJob(each, stack) ?? [])[0]?.plan;
}

async function list(target: Target, { state, json }: CommandOptions): Promise<void> {
  const stack = await target.stack();
  const details = await listJobDetails(target, stack);
  const isOfPlan = (detail: JobDetail) => readPlanJob(detail, stack) !== undefined;
  const store = await target.store();
  const plans = (await readPlans(target, stack, store, details)).filter((plan) => isIn(state, plan.state));
  const all = readJobs(details, stack);
  const single = readJobs(
    details.filter((detail) => !isOfPlan(detail)),
    stack,
  );
  const jobs = single.filter((job) => isIn(state, stateOf(job)));
  const listed: Listed[] = [];
  for await (const [job, training] of mapInOrder(jobs, PARALLEL, (each) => readTraining(store, each))) {
    listed.push({ job, training, use: useOf(target, stack, job) });
  }
  const waits = await readWaits(target, stack, all);
  const places = await readPlaces(target, jobs);
  if (json) {
    const entries = listed.map((each) => ({ ...entryOf(each, places.get(each.job.id)), ...waitOf(waits, each.job) }));
    return print(JSON.stringify([...plans, ...entries], undefined, 2));
  }
  if (jobs.length + plans.length === 0) {
    const which = state === undefined ? '' : ` in the state ${state}`;
    return print(`There are no jobs${which}. Submit one with "./cifar10 submit quick${suffixOf(target)}".`);
  }
  if (plans.length > 0) for (const line of plansTable(plans, target)) print(line);
  if (plans.length > 0 && jobs.length > 0) print('');
  const header = ['run', 'state', 'on', 'recipe', 'created', 'queued', 'ran', 'attempts', 'accuracy'];
  const rows = [
    [...header, ...(target.name === 'aws' ? ['cost'] : []), ''],
    ...listed.map((each) => rowOf(target, each, places.get(each.job.id))),
  ];
  if (jobs.length > 0) for (const line of table(rows)) print(line);
  const running = jobs.filter(isRunning).length + plans.reduce((sum, { children }) => sum + children.running, 0);
  const shared = sharedCores(target, running);
  if (shared) print(shared);
  for (const job of jobs.filter(waitsLong)) {
    const wait = waits.get(job.id);
    if (wait) print(`${pc.yellow('!')} ${job.run} waits for ${duration(secondsWaited(job))}: ${describeWait(wait)}`);
  }
}

/** Whether a state is the one that is asked for, by Batch's name or by ours. */
function isIn(wanted: string | undefined, state: JobState): boolean {
  if (wanted === 'done') return state === 'succeeded';
  if (wanted === 'waiting') return ['submitted', 'pending', 'runnable', 'starting'].includes(state);
  return wanted === undefined || wanted === state;
}

/** One entry for each plan, whatever the number of its arrays and children; the newest first. */
async function readPlans(
  target: Target,
  stack: StackOutputs,
  store: ObjectStore,
  details: readonly JobDetail[],
): Promise<PlanStatus[]> {
  const byPlan = new Map<string, PlanJob[]>();
  for (const job of details.flatMap((detail) => readPlanJob(detail, stack) ?? []).sort(byCreation)) {
    byPlan.set(job.plan, [...(byPlan.get(job.plan) ?? []), job]);
  }
  const found: PlanStatus[] = [];
  const read = (own: readonly PlanJob[]) => readPlanStatus(target, stack, store, own);
  for await (const [, status] of mapInOrder(byPlan.values(), PARALLEL, read)) found.push(status);
  return found.sort(byCreation).reverse();
}

/**
 * Why jobs wait. AWS is asked about one of each queue, the oldest that has waited for long: the others wait behind it.
 *
 * @param all jobs of the stack, the newest first
 */
async function readWaits(target: Target, stack: StackOutputs, all: readonly Job[]): Promise<Map<string, Wait>> {
  const waits = new Map<string, Wait>();
  for (const [index, job] of all.entries()) {
    const older = all.slice(index + 1).filter((each) => each.queue === job.queue && !hasEnded(each));
    const isHead = !older.some(isWaiting);
    const wait =
      isHead && waitsLong(job) ? await readWait(target, stack, job, all) : explainWait(job, { ahead: older.length });
    if (wait) waits.set(job.id, wait);
  }
  return waits;
}

function waitsLong(job: Job): boolean {
  return isWaiting(job) && secondsWaited(job) >= ADVICE_SECONDS;
}

/** Of a job that waits, for JSON. */
function waitOf(waits: ReadonlyMap<string, Wait>, { id }: Job): { readonly waitsFor?: Wait } {
  const waitsFor = waits.get(id);
  return waitsFor === undefined ? {} : { waitsFor };
}

/** What the store says about the training of a job. */
interface Training {
  /** Of a job that has succeeded. */
  readonly result?: RunResult;
  /** Of a job that is running. */
  readonly progress?: RunProgress;
}

/** A run may have several jobs; its progress and its result are those of one of them. */
async function readTraining(store: ObjectStore, job: Job): Promise<Training> {
  if (job.status === 'SUCCEEDED') {
    const result = await readResult(store, job.run);
    return result === undefined ? {} : { result };
  }
  if (job.status !== 'RUNNING') return {};
  const progress = await readProgress(store, job.run);
  return progress === undefined ? {} : { progress };
}

function byCreation(one: { readonly createdAt: Date }, other: { readonly createdAt: Date }): number {
  return one.createdAt.getTime() - other.createdAt.getTime();
}

interface Listed {
  readonly job: Job;
  readonly training: Training;
  readonly use: Use;
}

/** What a job has used so far. */
interface Use {
  /** Seconds in each state, of each attempt and over all of them. */
  readonly times: JobTimes;
  /** At most, on demand; absent where it costs nothing, or no price is known. */
  readonly dollars?: number;
}

function useOf(target: Target, stack: StackOutputs, job: Job, tasks?: ReadonlyMap<string, TaskTimes>): Use {
  const times = jobTimes(job, tasks && { tasks });
  const dollars = jobDollars(target, stack, job, times);
  return { times, ...(dollars !== undefined && { dollars }) };
}

function rowOf(
  target: Target,
  { job, training: { result, progress }, use: { times, dollars } }: Listed,
  place: QueuePlace | undefined,
): string[] {
  const attempts = job.attempts.length + (hasEnded(job) || job.status !== 'RUNNING' ? 0 : 1);
  return [
    job.run,
    place === undefined ? stateOf(job) : `${stateOf(job)}, ${describePlace(place)}`,
    job.device ?? '',
    recipeOf(job),
    minuteOf(job.createdAt),
    duration(times.queued),
    times.running === 0 ? '' : duration(times.running),
    `${attempts} of ${job.attemptsAllowed}`,
    result ? percent(result.accuracy.plain) : '',
    ...(target.name === 'aws' ? [dollars === undefined ? '' : describeDollars(dollars)] : []),
    progress ? describeProgress(progress) : '',
  ];
}

/** A job for programs. */
function entryOf({ job, training, use }: Listed, place: QueuePlace | undefined) {
  const attempts = job.attempts.map((attempt) => ({ ...attempt, meaning: exitMeaning(attempt) }));
  return { ...job, attempts, ...use, ...training, ...(place && { place }) };
}

function isRunning({ status }: Job): boolean {
  return status === 'RUNNING';
}

/** Empty for a job that continues from a model with the recipe of that. */
function recipeOf({ command: [, recipe = ''] }: Job): string {
  return recipe.startsWith('--') ? '' : recipe;
}

async function one(target: Target, reference: string, options: CommandOptions): Promise<void> {
  const { follow, retry, cancel, children, json = false } = options;
  const stack = await target.stack();
  const found = await findJob(target, stack, reference);
  if (children) throw new UsageError(`The job of run ${found.run} has no children: only a plan's have.`);
  if (cancel) {
    if (hasEnded(found))
      throw new UsageError(`The job of run ${found.run} has already ended: it ${describeState(found)}.`);
    await endJob(target, found, 'ended by "cifar10 jobs --cancel"');
    print(json ? JSON.stringify({ ...found, cancelled: true }) : `Ending the job of run ${found.run}.`);
  }
  const submitted = retry ? await submitAgain(target, stack, found) : undefined;
  if (submitted) {
    const { id, run } = submitted;
    print(json ? JSON.stringify(submitted) : `The run ${run} resumes as job ${id}.`);
  }
  if (follow) {
    process.exitCode = await followOnTerminal(target, submitted ?? found, { json });
    const receipt = await jobReceipt(target, stack, submitted ?? found);
    if (receipt) process.stderr.write(`${receipt}\n`);
  } else if (!cancel && !retry) {
    await show(target, stack, found, { json });
  }
}

/** Says before, on AWS, what the whole run takes; it takes less, since it resumes at its checkpoint. */
async function submitAgain(target: Target, stack: StackOutputs, job: Job): Promise<SubmittedJob> {
  const training = retriedTraining(target, job);
  if (target.name === 'aws') {
    const estimate = await estimateRun(target, stack, training, training.on ?? 'gpu');
    process.stderr.write(`${describeEstimate(estimate)}, from the beginning\n`);
  }
  return submitJob(target, training);
}

async function show(
  target: Target,
  stack: StackOutputs,
  job: Job,
  { json }: { readonly json: boolean },
): Promise<void> {
  const training = await readTraining(await target.store(), job);
  const wait = waitsLong(job) ? await readWait(target, stack, job) : explainWait(job);
  const use = useOf(target, stack, job, await readTaskTimes(target, job));
  const place = (await readPlaces(target, [job])).get(job.id);
  if (json) {
    const entry = { ...entryOf({ job, training, use }, place), ...(wait && { waitsFor: wait }) };
    return print(JSON.stringify(entry, undefined, 2));
  }
  print(describe(target, stack, { job, training, use }, place));
  if (wait && waitsLong(job)) {
    print(`${pc.yellow('!')} It waits for ${duration(secondsWaited(job))}: ${describeWait(wait)}`);
  }
  const running = isRunning(job) ? (await listJobs(target, stack)).filter(isRunning).length : 0;
  const shared = sharedCores(target, running);
  if (shared) print(shared);
}

async function onePlan(target: Target, id: string, options: CommandOptions): Promise<void> {
  const { state, children, follow, retry, yes, cancel, json = false } = options;
  const stack = await target.stack();
  const store = await target.store();
  if (cancel) {
    const ended = await cancelPlan(target, id, 'ended by "cifar10 jobs --cancel"');
    if (ended === 0) {
      await readPlan(store, id);
      throw new UsageError(`Plan ${id} has no jobs left to cancel: all of them have ended.`);
    }
    print(
      json
        ? JSON.stringify({ plan: id, cancelled: ended })
        : `Ending ${ended.toLocaleString('en')} ${ended === 1 ? 'child' : 'children'} of plan ${id}. Results stay.`,
    );
  }
  if (retry) {
    const submitted = await retryPlan(target, stack, store, id, { yes });
    if (submitted === undefined) return;
    print(json ? JSON.stringify(submitted) : describeRetry(submitted));
  }
  if (follow) {
    process.exitCode = await followPlan(target, id, { json });
    const isOver = process.exitCode !== 130;
    if (isOver && !json) await printReceipt(target, stack, store, id);
    return;
  }
  if (cancel || retry) return;
  const jobs = await planJobs(target, stack, id);
  if (jobs.length === 0) {
    await readPlan(store, id);
    throw new NotFound(
      `Batch knows no job of plan ${id}; it forgets a job a week after its end. To do what is missing: ./cifar10 jobs ${id} --retry${suffixOf(target)}`,
    );
  }
  if (children) {
    const wanted = state === undefined ? undefined : shardStateOf(state);
    const rows = await readShardRows(target, store, { id, plan: await readPlan(store, id), jobs }, wanted);
    if (json) return print(JSON.stringify(rows, undefined, 2));
    if (rows.length === 0) return print(`Plan ${id} has no shards in the state ${state}.`);
    for (const line of shardsTable(rows)) print(line);
    return;
  }
  const status = await readPlanStatus(target, stack, store, jobs);
  if (json) return print(JSON.stringify({ ...status, jobs }, undefined, 2));
  print(describePlan(target, stack, status, jobs));
  if (status.failed > 0 || (status.stoppedAt && status.done < status.total && status.problem === undefined)) {
    const retry = `./cifar10 jobs ${id} --retry${suffixOf(target)}`;
    process.stdout.write(await explainFailures(store, id, { retry }));
  }
}

async function printReceipt(target: Target, stack: StackOutputs, store: ObjectStore, id: string): Promise<void> {
  const plan = await readPlan(store, id);
  const device = (await planJobs(target, stack, id)).at(-1)?.device;
  const on = { target, queue: planQueue(plan, device, stack, target) };
  print(describeReceipt(await receiptOf(store, plan, { on })));
}

/** @throws {UsageError} a shard is never in this state */
function shardStateOf(state: string): ShardRowState {
  if (state === 'succeeded') return 'done';
  const found = (['done', 'running', 'waiting', 'failed'] as const).find((each) => each === state);
  if (found) return found;
  throw new UsageError(`A shard is done, running, waiting or failed, never ${state}.`);
}

function describe(
  target: Target,
  stack: StackOutputs,
  { job, training, use }: Listed,
  place: QueuePlace | undefined,
): string {
  const { result, progress } = training;
  const { times, dollars } = use;
  const facts: [name: string, fact: string | undefined][] = [
    ['state', describeState(job)],
    ['command', job.command.join(' ')],
    ['on', job.device],
    ['created', job.createdAt.toISOString()],
    ['started', job.startedAt?.toISOString()],
    ['place', place && `${describePlace(place)} of its queue`],
    ['queued', describeQueued(times)],
    ['ran', times.running === 0 ? undefined : duration(times.running)],
    ['cost', dollars === undefined ? undefined : `${describeMost(dollars)}${atPricesOf(target)}`],
    ...job.attempts.map((attempt, index): [string, string] => {
      return [`attempt ${index + 1}`, `${describeTimes(times.attempts[index]!)}: ${describeAttempt(attempt)}`];
    }),
    ['progress', progress && describeProgress(progress)],
    ['result', result && `${result.version}, ${percent(result.accuracy.plain)} plain`],
    ['report', result && jobPlace(`s3://${stack.BucketName}`, target.name).reportOf(job.run)],
    ['job', job.id],
    [
      'resume',
      hasEnded(job) && job.status !== 'SUCCEEDED' ? `./cifar10 jobs ${job.run} --retry${suffixOf(target)}` : undefined,
    ],
    ['log', `./cifar10 logs ${job.run}${suffixOf(target)}`],
  ];
  const lines = facts.flatMap(([name, fact]) => (fact === undefined ? [] : [`${pc.dim(name.padEnd(10))} ${fact}`]));
  return [pc.bold(job.run), ...lines].join('\n');
}

/** Such as `3:00: 2:10 without a machine, 50 s on one that started, 41 s of it for the image`. */
function describeQueued({ queued, waiting, starting, image }: AttemptTimes): string {
  if (waiting === undefined || starting === undefined) return duration(queued);
  if (starting === 0) return `${duration(queued)} without a machine`;
  const parts = [`${duration(waiting)} without a machine`, `${duration(starting)} on one that started`];
  if (image !== undefined) parts.push(`${duration(image)} of it for the image`);
  return `${duration(queued)}: ${parts.join(', ')}`;
}

/** Such as `queued 3:00, ran 12:04`. */
function describeTimes({ queued, running }: AttemptTimes): string {
  return `queued ${duration(queued)}${running > 0 ? `, ran ${duration(running)}` : ''}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
