import { Command, Option } from 'commander';
import pc from 'picocolors';
import { changesOf, collect, onBadOption, wholeNumber } from '#training/commands/option-parsers.ts';
import { progressLine } from '#training/commands/progress-line.ts';
import type { OnBad } from '#training/data/dataset.ts';
import { activeJobs, suffixOf } from '../batch/batch-jobs.ts';
import { chooseDevice } from '../batch/choose-device.ts';
import { followOnTerminal } from '../batch/follow-on-terminal.ts';
import type { Device } from '../batch/queues.ts';
import { sharedCores } from '../batch/shared-cores.ts';
import { type SubmittedJob, submitJob } from '../batch/submit-job.ts';
import { describeEstimate, estimateRun } from '../fleet/estimate.ts';
import { jobReceipt } from '../fleet/receipt.ts';
import { openTarget, stageOption, type Target, type TargetOptions, targetOption } from '../stack/target.ts';
import { seconds } from '../terminal/seconds.ts';

export function submitCommand(): Command {
  return new Command('submit')
    .description('Train a recipe as an AWS Batch job, and follow it.')
    .argument('[recipe]', 'what to train: a recipe by name (default: quick; with --from, that of the weights)')
    .addOption(targetOption())
    .addOption(stageOption())
    .option('--set <key=value>', 'change a setting of the recipe; may be repeated', collect)
    .option('--budget <time>', 'fit the number of epochs to a training time, such as 5m; the same as --set budget')
    .option('--seed <number>', 'the same seed gives the same model', wholeNumber)
    .option(
      '--data <where>',
      "what to train on, as for train (default: cifar10); pictures of this machine are put into the stack's bucket",
    )
    .addOption(onBadOption())
    .option('--from <version>', 'start from a version or an alias in the bucket, also of other classes; or none')
    .option('--run <id>', 'name of the run; a failed run resumes (default: a new name)')
    .addOption(
      new Option(
        '--on <device>',
        'train on a GPU or on CPUs (default: gpu; cpu where the AWS account may start no GPU)',
      ).choices(['gpu', 'cpu']),
    )
    .addOption(
      new Option('--wait <time>', 'how long to wait for a machine, such as 10m or 2h; the job stays queued after that')
        .argParser(seconds)
        .default(1800, '30m'),
    )
    .option('--detach', 'do not follow the job')
    .option('--json', 'print events as lines of JSON')
    .addHelpText('after', examples)
    .action(
      async (
        recipe: string | undefined,
        { seed, data, onBad, from, run, on: asked, wait, detach, json = false, ...others }: CommandOptions,
      ) => {
        const target = await openTarget(others);
        const stack = await target.stack();
        const { device: on, why } = await chooseDevice(target, stack, asked);
        if (why) note(why);
        const training = { recipe, set: changesOf(others), seed, data, from, run, on };
        if (target.name === 'aws') {
          process.stderr.write(`${describeEstimate(await estimateRun(target, stack, training, on))}\n`);
        }
        const loading = progressLine();
        const log = (line: string) => void process.stderr.write(`${line}\n`);
        const options = { log, progress: loading.show, ...(onBad && { onBad }) };
        const submitted = await submitJob(target, training, options).finally(loading.end);
        if (submitted.note) note(submitted.note);
        await sayIfShared(target, submitted);
        if (detach) {
          process.stdout.write(
            json
              ? `${JSON.stringify(submitted)}\n`
              : `${submitted.run}\nFollow it with "./cifar10 jobs ${submitted.run} --follow${suffixOf(target)}".\n`,
          );
        } else {
          process.exitCode = await followOnTerminal(target, submitted, { json, waitSeconds: wait });
          const receipt = await jobReceipt(target, stack, submitted);
          if (receipt) process.stderr.write(`${receipt}\n`);
        }
      },
    );
}

function note(text: string): void {
  process.stderr.write(`${pc.yellow('!')} ${text}\n`);
}

/** On this machine jobs run side by side. */
async function sayIfShared(target: Target, { id }: SubmittedJob): Promise<void> {
  if (target.name !== 'local') return;
  const others = (await activeJobs(target, await target.stack())).filter((job) => job.id !== id);
  const shared = sharedCores(target, 1 + others.filter(({ status }) => status === 'RUNNING').length);
  if (shared !== undefined) process.stderr.write(`${shared}\n`);
}

interface CommandOptions extends TargetOptions {
  readonly set?: readonly string[];
  readonly budget?: string;
  readonly seed?: number;
  readonly data?: string;
  readonly onBad?: OnBad;
  readonly from?: string;
  readonly run?: string;
  readonly on?: Device;
  /** In seconds. */
  readonly wait: number;
  readonly detach?: boolean;
  readonly json?: boolean;
}

const examples = `
Ctrl-C stops following; the job continues, and "./cifar10 jobs <run> --follow" follows it again.
Exit codes are those of the training: 0 done, 1 failed, 2 bad arguments; and 124 where the job had
no machine for the time of --wait. It stays queued then, and "./cifar10 jobs" says why it waits.
On AWS it says before what the job takes and costs about, and after it what it took.

Examples:
  ./cifar10 submit                                   quick, on this machine
  ./cifar10 submit seed --set epochs=10 --seed 3     the post's network, ten epochs, another seed
  ./cifar10 submit quick --target aws --detach       on a GPU in your AWS account
  ./cifar10 submit quick --target aws --on cpu       on CPUs, which every account may start
  ./cifar10 submit minute --data photos/             on pictures of your own, put into the bucket once
  ./cifar10 submit --from production                 start from the weights that are served
  ./cifar10 submit quick --run monday                name the run; the same again resumes it`;
