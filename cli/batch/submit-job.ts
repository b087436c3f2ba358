import { BatchClient, SubmitJobCommand } from '@aws-sdk/client-batch';
import { userAtHost } from '#environment/user.ts';
import { UsageError } from '#errors/user-error.ts';
import { resolveVersion } from '#models/aliases.ts';
import { checkRunId, newRunId, readResult } from '#models/runs.ts';
import { createSubmission, readSubmission } from '#models/submissions.ts';
import { checkDataset, isNamed } from '#training/datasets/open-dataset.ts';
import { resolveRecipe } from '#training/recipe/settings.ts';
import type { Target } from '../stack/target.ts';
import { hasEnded, jobNameOf, jobsOfRun, suffixOf } from './batch-jobs.ts';

export interface TrainingJob {
  /** @default the one that the weights of `from` were trained with, or else `quick` */
  readonly recipe?: string | undefined;
  /** Changes of the recipe's settings, `key=value` each. @default none */
  readonly set?: readonly string[] | undefined;
  /** @default the training program's */
  readonly seed?: number | undefined;
  /** A data set by name. @default the training program's */
  readonly data?: string | undefined;
  /** A version or an alias whose weights the training starts from. @default random weights */
  readonly from?: string | undefined;
  /** The name of the run; one that was submitted before with the same arguments resumes. @default a new name */
  readonly run?: string | undefined;
}

export interface SubmittedJob {
  /** The job's id in Batch. */
  readonly id: string;
  readonly run: string;
  /** The arguments of the training program. */
  readonly command: readonly string[];
}

/**
 * Submits a training job to the queue, and records its arguments in the store.
 *
 * @throws {UsageError} the recipe or a setting is unknown, or the run has other arguments, is running or has finished
 * @throws {UnknownVersion} there is none to train from
 */
export async function submitJob(target: Target, training: TrainingJob): Promise<SubmittedJob> {
  const { set = [], seed, data, from } = training;
  const recipe = training.recipe ?? (from === undefined ? 'quick' : undefined);
  resolveRecipe(recipe ?? 'quick', set); // A typo is found here in milliseconds; in the queue it would cost minutes and money.
  if (data !== undefined && !isNamed(checkDataset(data))) {
    throw new UsageError(
      `A job cannot read ${data}, which is on this machine. Train here: "./cifar10 train --data ${data}".`,
    );
  }
  const run = checkRunId(training.run ?? newRunId());
  const command = [
    ...['train', ...(recipe === undefined ? [] : [recipe]), '--run', run],
    ...(seed === undefined ? [] : ['--seed', String(seed)]),
    ...(data === undefined ? [] : ['--data', data]),
    ...(from === undefined ? [] : ['--from', from]),
    ...set.flatMap((change) => ['--set', change]),
  ];
  const stack = await target.stack();
  const store = await target.store();
  if (from !== undefined) await resolveVersion(store, from);
  const earlier = training.run === undefined ? undefined : await readSubmission(store, run);
  if (earlier === undefined) {
    const by = userAtHost();
    await createSubmission(store, run, { at: new Date().toISOString(), by, command });
  } else {
    if (earlier.command.join('\0') !== command.join('\0')) {
      throw new UsageError(
        `The run ${run} was submitted as "${earlier.command.join(' ')}". Submit it with the same arguments, or choose another name.`,
      );
    }
    const result = await readResult(store, run);
    if (result)
      throw new UsageError(`The run ${run} has finished with version ${result.version}. Choose another name.`);
    const active = (await jobsOfRun(target, stack, run)).find((job) => !hasEnded(job));
    if (active) {
      throw new UsageError(
        `The run ${run} is still running. Follow it with "./cifar10 jobs ${run} --follow${suffixOf(target)}".`,
      );
    }
  }
  const { jobId } = await new BatchClient(target.clientConfig).send(
    new SubmitJobCommand({
      jobName: jobNameOf(run),
      jobQueue: stack.JobQueueArn,
      jobDefinition: stack.JobDefinitionName,
      containerOverrides: { command },
    }),
  );
  return { id: jobId ?? '', run, command };
}
