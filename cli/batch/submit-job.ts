import { userAtHost } from '#environment/user.ts';
import { UsageError } from '#errors/user-error.ts';
import { resolveVersion } from '#models/aliases.ts';
import { checkRunId, newRunId, readArguments, readResult } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { createSubmission, readSubmission } from '#models/submissions.ts';
import { hasVersion, isVersionId, readCard, UnknownVersion } from '#models/versions.ts';
import type { LoadOptions } from '#training/data/dataset.ts';
import { checkDataset } from '#training/datasets/open-dataset.ts';
import { checkSettings } from '#training/recipe/check-settings.ts';
import type { Recipe } from '#training/recipe/recipes.ts';
import { resolveContinuation, resolveRecipe } from '#training/recipe/settings.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import {
  CONTINUES_SECONDS,
  continuesElsewhere,
  hasEnded,
  type Job,
  jobNameOf,
  jobsOfRun,
  suffixOf,
} from './batch-jobs.ts';
import { addressForJob } from './job-data.ts';
import { type Device, queueFor } from './queues.ts';
import { sendJob } from './send-job.ts';

export interface TrainingJob {
  /** @default the one that the weights of `from` were trained with, or else `quick` */
  readonly recipe?: string | undefined;
  /** Changes of the recipe's settings, `key=value` each. @default none */
  readonly set?: readonly string[] | undefined;
  /** @default the training program's */
  readonly seed?: number | undefined;
  /** A data set as `--data` takes it; the job gets its pictures through the store. @default the training program's */
  readonly data?: string | undefined;
  /** A version or an alias whose weights the training starts from; `none` for random weights. @default the training program's */
  readonly from?: string | undefined;
  /** The name of the run; one that was submitted before with the same arguments resumes. @default a new name */
  readonly run?: string | undefined;
  /** @default gpu */
  readonly on?: Device | undefined;
}

export interface SubmittedJob {
  /** The job's id in Batch. */
  readonly id: string;
  readonly run: string;
  /** The arguments of the training program. */
  readonly command: readonly string[];
  readonly device?: Device;
  /** What its submitter may not expect of it. */
  readonly note?: string;
}

/**
 * Submits a training job to a queue, and records its arguments in the store. A job gets the version that an alias means now,
 * not the alias: its role may read no alias but `candidate`, and the alias may move while the job waits.
 *
 * @throws {UsageError} the recipe or a setting is unknown, or the run has other arguments, is running or has finished
 * @throws {UnknownVersion} there is none to train from
 * @throws {UserError} Batch does not take the job; the message says why, and what to do
 */
export async function submitJob(
  target: Target,
  training: TrainingJob,
  options: Pick<LoadOptions, 'log' | 'onBad' | 'progress' | 'signal'> = {},
): Promise<SubmittedJob> {
  const { set = [], data, on = 'gpu' } = training;
  const from = training.from === 'none' ? undefined : training.from;
  // A typo is found here in milliseconds; in the queue it would cost minutes and money.
  const { settings } = resolveRecipe(training.recipe ?? 'quick', set);
  if (from === undefined) checkSettings(settings); // Else they are changes of the parent's.
  if (data !== undefined) checkDataset(data);
  if (from?.endsWith('.h5')) {
    throw new UsageError(
      `A job cannot read ${from}, a file of this machine. Train from it here with "./cifar10 train --from ${from}", or submit from a version or an alias.`,
    );
  }
  const run = checkRunId(training.run ?? newRunId());
  const stack = await target.stack();
  const queue = queueFor(on, stack, target);
  const store = await target.store();
  const version = from === undefined ? undefined : await resolveVersion(store, from);
  const earlier = training.run === undefined ? undefined : await readSubmission(store, run);
  const parent = earlier && from !== undefined ? await parentOf(store, run, earlier.command, from) : undefined;
  const source = parent ?? version;
  if (source !== undefined && !(await hasVersion(store, source))) throw new UnknownVersion(source, store);
  const address =
    data === undefined
      ? undefined
      : await addressForJob(store, data, await settingsOf(store, training, source), options);
  const command = commandOf({ ...training, run, from: source ?? training.from, data: address });
  if (earlier === undefined) {
    const by = userAtHost();
    await createSubmission(store, run, { at: new Date().toISOString(), by, command });
  } else {
    if (replaceParent(earlier.command, parent).join('\0') !== command.join('\0')) {
      throw new UsageError(
        `The run ${run} was submitted as "${earlier.command.join(' ')}". Submit it with the same arguments, or choose another name.`,
      );
    }
    const result = await readResult(store, run);
    if (result)
      throw new UsageError(`The run ${run} has finished with version ${result.version}. Choose another name.`);
    const [newest] = await jobsOfRun(target, stack, run);
    const follow = `Follow it with "./cifar10 jobs ${run} --follow${suffixOf(target)}".`;
    if (newest && !hasEnded(newest)) throw new UsageError(`The run ${run} is still running. ${follow}`);
    if (newest && isAboutToGoOn(newest, stack)) {
      throw new UsageError(`The run ${run} lost its instance, and resumes on demand in a moment. ${follow}`);
    }
  }
  const id = await sendJob(target, queue, {
    ...{ name: jobNameOf(run), command },
    find: async () => (await activeJobOf(target, stack, run))?.id,
  });
  const note =
    source === version
      ? {}
      : {
          note: `${from} means ${version} now. The run ${run} began from ${source} and continues with that; for the other, choose another name.`,
        };
  return { id, run, command, device: on, ...note };
}

/** The settings that the job will have, but for what follows from its data. @param source the version that it begins from */
export async function settingsOf(
  store: ObjectStore,
  { recipe: name, set = [] }: TrainingJob,
  source: string | undefined,
): Promise<Recipe> {
  if (source === undefined) return resolveRecipe(name ?? 'quick', set).settings;
  const { recipe: parent } = await readCard(store, source);
  return resolveContinuation({ name, parent }, set).settings;
}

/** The arguments of the training program. */
function commandOf({ recipe, run, set = [], seed, data, from }: TrainingJob & { readonly run: string }): string[] {
  const named = recipe ?? (from === undefined ? 'quick' : undefined);
  return [
    ...['train', ...(named === undefined ? [] : [named]), '--run', run],
    ...(seed === undefined ? [] : ['--seed', String(seed)]),
    ...(data === undefined ? [] : ['--data', data]),
    ...(from === undefined ? [] : ['--from', from]),
    ...set.flatMap((change) => ['--set', change]),
  ];
}

/**
 * The version that an earlier submission of a run began from, where `from` is an alias: that may have moved since.
 *
 * @returns `undefined` where `from` is a version, or the earlier submission has none
 */
async function parentOf(
  store: ObjectStore,
  run: string,
  earlier: readonly string[],
  from: string,
): Promise<string | undefined> {
  const recorded = earlier[earlier.indexOf('--from') + 1] ?? '';
  if (isVersionId(from) || !earlier.includes('--from')) return undefined;
  if (isVersionId(recorded)) return recorded;
  // An earlier release recorded the alias; what it meant then is known once the run has begun.
  if (recorded !== from) return undefined;
  const parent = (await readArguments(store, run))?.parent;
  return parent && 'version' in parent ? parent.version : await resolveVersion(store, from);
}

function replaceParent(command: readonly string[], parent: string | undefined): readonly string[] {
  const at = command.indexOf('--from') + 1;
  return parent === undefined || at === 0 ? command : command.with(at, parent);
}

function isAboutToGoOn(job: Job, stack: StackOutputs): boolean {
  const { stoppedAt = new Date(0) } = job;
  return continuesElsewhere(job, stack) && Date.now() - stoppedAt.getTime() < 1000 * CONTINUES_SECONDS;
}

async function activeJobOf(target: Target, stack: StackOutputs, run: string): Promise<Job | undefined> {
  return (await jobsOfRun(target, stack, run)).find((job) => !hasEnded(job));
}
