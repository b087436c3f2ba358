import { hostname, userInfo } from 'node:os';
import { BatchClient, SubmitJobCommand } from '@aws-sdk/client-batch';
import { Command } from 'commander';
import { UsageError } from '#errors/user-error.ts';
import { resolveVersion } from '#models/aliases.ts';
import { checkRunId, createSubmission, newRunId, readResult, readSubmission } from '#models/runs.ts';
import { changesOf, collect, wholeNumber } from '#training/option-parsers.ts';
import { resolveRecipe } from '#training/settings.ts';
import { hasEnded, jobNameOf, jobsOfRun, suffixOf } from './batch-jobs.ts';
import { followOnTerminal } from './follow-on-terminal.ts';
import { openTarget, type Target, type TargetName, targetOption } from './target.ts';

export { followJob } from './follow-job.ts';

export interface TrainingJob {
  readonly recipe: string;
  /** Changes of the recipe's settings, `key=value` each. @default none */
  readonly set?: readonly string[] | undefined;
  /** @default the training program's */
  readonly seed?: number | undefined;
  /** A version or an alias whose weights the training begins with. @default drawn weights */
  readonly from?: string | undefined;
  /** Names the run; one that was submitted with the same arguments before goes on. @default a new name */
  readonly run?: string | undefined;
}

export interface SubmittedJob {
  /** Of the job, in Batch. */
  readonly id: string;
  readonly run: string;
}

/**
 * Puts a training job into the queue, and into the store what was asked of it.
 *
 * @throws {UsageError} the recipe or a setting is unknown, or the run is another's, is going on, or has finished
 * @throws {UnknownVersion} there is none to train from
 */
export async function submitJob(target: Target, training: TrainingJob): Promise<SubmittedJob> {
  const { recipe, set = [], seed, from } = training;
  resolveRecipe(recipe, set); // Here it takes milliseconds to find a typo, in the queue minutes and money.
  const run = checkRunId(training.run ?? newRunId());
  const command = [
    ...['train', recipe, '--run', run],
    ...(seed === undefined ? [] : ['--seed', String(seed)]),
    ...(from === undefined ? [] : ['--from', from]),
    ...set.flatMap((change) => ['--set', change]),
  ];
  const stack = await target.stack();
  const store = await target.store();
  if (from !== undefined) await resolveVersion(store, from);
  const earlier = training.run === undefined ? undefined : await readSubmission(store, run);
  if (earlier === undefined) {
    const by = `${userInfo().username}@${hostname()}`;
    await createSubmission(store, run, { at: new Date().toISOString(), by, command });
  } else {
    if (earlier.command.join('\0') !== command.join('\0')) {
      throw new UsageError(
        `The run ${run} was submitted as "${earlier.command.join(' ')}". Submit it so again, or take another name.`,
      );
    }
    const result = await readResult(store, run);
    if (result) throw new UsageError(`The run ${run} has finished: it made ${result.version}. Take another name.`);
    const active = (await jobsOfRun(target, stack, run)).find((job) => !hasEnded(job));
    if (active) {
      throw new UsageError(
        `The run ${run} is going on. Follow it with "./cifar10 jobs ${run} --follow${suffixOf(target)}".`,
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
  return { id: jobId ?? '', run };
}

export function submitCommand(): Command {
  return new Command('submit')
    .description('Train a recipe as an AWS Batch job, and follow it.')
    .argument('[recipe]', 'what to train: a recipe by name', 'quick')
    .addOption(targetOption())
    .option('--set <key=value>', 'change a setting of the recipe; may be repeated', collect)
    .option('--budget <time>', 'fit the epochs and the schedule to a training time, such as 5m: as --set budget')
    .option('--seed <number>', 'the same seed gives the same model', wholeNumber)
    .option('--from <version>', 'begin with the weights of a version or an alias in the bucket')
    .option('--run <id>', 'name the run; one that failed goes on where it was (default: a new name)')
    .option('--detach', 'do not follow the job')
    .option('--json', 'print what happens as lines of JSON')
    .addHelpText('after', examples)
    .action(async (recipe: string, { seed, from, run, detach, json = false, ...options }: CommandOptions) => {
      const target = await openTarget(options.target);
      const submitted = await submitJob(target, { recipe, set: changesOf(options), seed, from, run });
      if (detach) {
        process.stdout.write(
          json
            ? `${JSON.stringify(submitted)}\n`
            : `${submitted.run}\nFollow it with "./cifar10 jobs ${submitted.run} --follow${suffixOf(target)}".\n`,
        );
      } else {
        process.exitCode = await followOnTerminal(target, submitted, { json });
      }
    });
}

interface CommandOptions {
  readonly target: TargetName;
  readonly set?: readonly string[];
  readonly budget?: string;
  readonly seed?: number;
  readonly from?: string;
  readonly run?: string;
  readonly detach?: boolean;
  readonly json?: boolean;
}

const examples = `
Ctrl-C leaves the job alone: it goes on, and "./cifar10 jobs <run> --follow" comes back to it. Where it was followed to
its end, this command ends with the exit code of the training: 0 done, 1 failed, 2 bad arguments.

Examples:
  ./cifar10 submit                                   quick, on this machine
  ./cifar10 submit seed --set epochs=10 --seed 3     the post's network, ten epochs, another seed
  ./cifar10 submit quick --target aws --detach       on a GPU in your AWS account; ends when the job is in the queue
  ./cifar10 submit --from production                 go on from the weights that are served
  ./cifar10 submit quick --run monday                with a name of your own; again, after a failure, to go on`;
