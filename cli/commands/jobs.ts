import { JobStatus } from '@aws-sdk/client-batch';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { mapInOrder } from '#environment/map-in-order.ts';
import { UsageError } from '#errors/user-error.ts';
import { percent } from '#models/percent.ts';
import { type RunResult, readResult } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { jobPlace } from '#training/commands/place.ts';
import { duration } from '#training/commands/run-view.ts';
import { endJob, findJob, hasEnded, type Job, listJobs, stateOf, suffixOf } from '../batch/batch-jobs.ts';
import { followOnTerminal } from '../batch/follow-on-terminal.ts';
import { describeAttempt, describeState, describeWait } from '../batch/job-view.ts';
import { ADVICE_SECONDS, explainWait, isWaiting, secondsWaited, type Wait } from '../batch/job-wait.ts';
import { readWait } from '../batch/read-wait.ts';
import { sharedCores } from '../batch/shared-cores.ts';
import { submitCommand } from '../batch/submit-command.ts';
import { describeProgress, type RunProgress, readProgress } from '../runs/run-progress.ts';
import { openTarget, type StackOutputs, type Target, type TargetName, targetOption } from '../stack/target.ts';
import { table } from '../terminal/table.ts';

/** Reads in flight at a time. */
const PARALLEL = 8;

export function jobsCommand(): Command {
  return new Command('jobs')
    .description('List training jobs, or show, follow or end one.')
    .argument('[job]', 'a run, or a job id')
    .addOption(targetOption())
    .addOption(
      new Option('--state <state>', 'list only jobs in this state').choices([
        ...Object.values(JobStatus).map((state) => state.toLowerCase()),
        'cancelled',
      ]),
    )
    .option('-f, --follow', 'follow the job until it ends, or until Ctrl-C')
    .option('--cancel', 'end the job; it is not retried')
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(async (reference: string | undefined, options: CommandOptions) => {
      if (reference === undefined && (options.follow || options.cancel)) {
        throw new UsageError(`Which job? Write "./cifar10 jobs <run> ${options.follow ? '--follow' : '--cancel'}".`);
      }
      const target = await openTarget(options.target);
      if (reference === undefined) await list(target, options);
      else await one(target, reference, options);
    });
}

interface CommandOptions {
  readonly target: TargetName;
  readonly state?: string;
  readonly follow?: boolean;
  readonly cancel?: boolean;
  readonly json?: boolean;
}

const examples = `
Batch forgets a job a week after its end. Its run and its model stay in the store. Of a job that has
waited for a machine for ten minutes it says why, and what to do.

Examples:
  ./cifar10 jobs                                     all jobs, the newest first
  ./cifar10 jobs --state failed --target aws         failed jobs in your AWS account
  ./cifar10 jobs 20261123-041200-a1b2                one job, with its attempts and its result
  ./cifar10 jobs 20261123-041200-a1b2 --follow       follow it again, until it ends
  ./cifar10 jobs 20261123-041200-a1b2 --cancel       end it; its checkpoint stays`;

async function list(target: Target, { state, json }: CommandOptions): Promise<void> {
  const stack = await target.stack();
  const all = await listJobs(target, stack);
  const jobs = all.filter((job) => state === undefined || stateOf(job) === state);
  const store = await target.store();
  const listed: [job: Job, training: Training][] = [];
  for await (const each of mapInOrder(jobs, PARALLEL, (job) => readTraining(store, job))) listed.push([...each]);
  const waits = await readWaits(target, stack, all);
  if (json)
    return print(
      JSON.stringify(
        listed.map(([job, training]) => ({ ...job, ...training, ...waitOf(waits, job) })),
        undefined,
        2,
      ),
    );
  if (jobs.length === 0) {
    const which = state === undefined ? '' : ` in the state ${state}`;
    return print(`There are no jobs${which}. Submit one with "./cifar10 submit quick${suffixOf(target)}".`);
  }
  const header = ['run', 'state', 'on', 'recipe', 'created', 'took', 'attempts', 'accuracy', ''];
  for (const line of table([header, ...listed.map(([job, training]) => rowOf(job, training))])) print(line);
  const shared = sharedCores(target, all.filter(isRunning).length);
  if (shared) print(shared);
  for (const job of jobs.filter(waitsLong)) {
    const wait = waits.get(job.id);
    if (wait) print(`${pc.yellow('!')} ${job.run} waits for ${duration(secondsWaited(job))}: ${describeWait(wait)}`);
  }
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

function rowOf(job: Job, { result, progress }: Training): string[] {
  const attempts = job.attempts.length + (hasEnded(job) || job.status !== 'RUNNING' ? 0 : 1);
  return [
    job.run,
    stateOf(job),
    job.device ?? '',
    recipeOf(job),
    job.createdAt.toISOString().slice(0, 16).replace('T', ' '),
    tookOf(job) ?? '',
    `${attempts} of ${job.attemptsAllowed}`,
    result ? percent(result.accuracy.plain) : '',
    progress ? describeProgress(progress) : '',
  ];
}

function isRunning({ status }: Job): boolean {
  return status === 'RUNNING';
}

/** Empty for a job that continues from a model with the recipe of that. */
function recipeOf({ command: [, recipe = ''] }: Job): string {
  return recipe.startsWith('--') ? '' : recipe;
}

/** The duration of the last attempt so far. */
function tookOf({ startedAt, stoppedAt = new Date() }: Job): string | undefined {
  return startedAt && duration((stoppedAt.getTime() - startedAt.getTime()) / 1000);
}

async function one(target: Target, reference: string, { follow, cancel, json = false }: CommandOptions): Promise<void> {
  const stack = await target.stack();
  const job = await findJob(target, stack, reference);
  if (cancel) {
    if (hasEnded(job)) throw new UsageError(`The job of run ${job.run} has already ended: it ${describeState(job)}.`);
    await endJob(target, job, 'ended by "cifar10 jobs --cancel"');
    print(json ? JSON.stringify({ ...job, cancelled: true }) : `Ending the job of run ${job.run}.`);
  }
  if (follow) {
    process.exitCode = await followOnTerminal(target, job, { json });
  } else if (!cancel) {
    const training = await readTraining(await target.store(), job);
    const wait = waitsLong(job) ? await readWait(target, stack, job) : explainWait(job);
    if (json) return print(JSON.stringify({ ...job, ...training, ...(wait && { waitsFor: wait }) }, undefined, 2));
    print(describe(target, stack, job, training));
    if (wait && waitsLong(job)) {
      print(`${pc.yellow('!')} It waits for ${duration(secondsWaited(job))}: ${describeWait(wait)}`);
    }
    const running = isRunning(job) ? (await listJobs(target, stack)).filter(isRunning).length : 0;
    const shared = sharedCores(target, running);
    if (shared) print(shared);
  }
}

function describe(target: Target, stack: StackOutputs, job: Job, { result, progress }: Training): string {
  const took = tookOf(job);
  const facts: [name: string, fact: string | undefined][] = [
    ['state', describeState(job)],
    ['command', job.command.join(' ')],
    ['on', job.device],
    ['created', job.createdAt.toISOString()],
    ['started', job.startedAt && `${job.startedAt.toISOString()}, ${took}`],
    ...job.attempts.map((attempt, index): [string, string] => {
      return [`attempt ${index + 1}`, describeAttempt(attempt)];
    }),
    ['progress', progress && describeProgress(progress)],
    ['result', result && `${result.version}, ${percent(result.accuracy.plain)} plain`],
    ['report', result && jobPlace(`s3://${stack.BucketName}`, target.name).reportOf(job.run)],
    ['job', job.id],
    ['resume', hasEnded(job) && job.status !== 'SUCCEEDED' ? submitCommand(job, target) : undefined],
    ['log', `./cifar10 logs ${job.run}${suffixOf(target)}`],
  ];
  const lines = facts.flatMap(([name, fact]) => (fact === undefined ? [] : [`${pc.dim(name.padEnd(10))} ${fact}`]));
  return [pc.bold(job.run), ...lines].join('\n');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
