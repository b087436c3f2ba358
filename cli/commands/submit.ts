import { Command } from 'commander';
import { changesOf, collect, wholeNumber } from '#training/commands/option-parsers.ts';
import { suffixOf } from '../batch/batch-jobs.ts';
import { followOnTerminal } from '../batch/follow-on-terminal.ts';
import { submitJob } from '../batch/submit-job.ts';
import { openTarget, type TargetName, targetOption } from '../stack/target.ts';

export function submitCommand(): Command {
  return new Command('submit')
    .description('Train a recipe as an AWS Batch job, and follow it.')
    .argument('[recipe]', 'what to train: a recipe by name', 'quick')
    .addOption(targetOption())
    .option('--set <key=value>', 'change a setting of the recipe; may be repeated', collect)
    .option('--budget <time>', 'fit the epochs and the schedule to a training time, such as 5m: as --set budget')
    .option('--seed <number>', 'the same seed gives the same model', wholeNumber)
    .option('--data <name>', 'the data set to train on (default: cifar10)')
    .option('--from <version>', 'begin with the weights of a version or an alias in the bucket')
    .option('--run <id>', 'name the run; one that failed goes on where it was (default: a new name)')
    .option('--detach', 'do not follow the job')
    .option('--json', 'print what happens as lines of JSON')
    .addHelpText('after', examples)
    .action(async (recipe: string, { seed, data, from, run, detach, json = false, ...options }: CommandOptions) => {
      const target = await openTarget(options.target);
      const submitted = await submitJob(target, { recipe, set: changesOf(options), seed, data, from, run });
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
  readonly data?: string;
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
