import { Command } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { continueWithoutOutput } from '#errors/closed-output.ts';
import { StoreUnavailable } from '#models/stores/retrying-store.ts';
import type { OnBad } from '../data/dataset.ts';
import { recipes } from '../recipe/recipes.ts';
import { describeSettings } from '../recipe/settings.ts';
import { onSignals } from './on-signals.ts';
import { changesOf, collect, onBadOption, wholeNumber } from './option-parsers.ts';
import { jobId } from './place.ts';
import { showNetwork } from './show-network.ts';
import { prepareDevice } from './train-device.ts';
import { trainHere } from './train-here.ts';

interface Options {
  readonly set?: readonly string[];
  readonly budget?: string;
  readonly seed?: number;
  readonly data?: string;
  readonly onBad?: OnBad;
  readonly from?: string | undefined;
  readonly out: string;
  readonly run?: string;
  readonly summary?: boolean;
  readonly json?: boolean;
}

const summaries: Readonly<Record<keyof typeof recipes, string>> = {
  short: 'two epochs of a narrow airbench net: 84 % in 40 seconds on two cores with bfloat16',
  minute: 'four epochs of it: 86 %',
  quick: 'six epochs of a wider one: 90 %, and 91 % with test-time augmentation',
  c92: 'ten epochs, wider still: 92.8 % with test-time augmentation',
  c94: 'ten epochs of the whole airbench net: 93 %, and 94 % with test-time augmentation',
  seed: 'the network of the post: about 77 % after 100 epochs',
  tiny: 'a small net for WebAssembly, where native TensorFlow is not installed',
};

const help = `
Recipes:
${Object.entries(summaries)
  .map(([name, summary]) => `  ${name.padEnd(6)} ${summary}`)
  .join('\n')}

Settings, as quick has them:
${describeSettings(recipes.quick)}

Exit codes: 0 done, 1 failed, 2 bad arguments, 130 interrupted by Ctrl-C, 75 by SIGTERM. After the last
two a checkpoint is kept, and the same command with --run resumes the run.

Examples:
  ./cifar10 train                                     quick, into the store of this clone
  ./cifar10 train seed --seed 3 --set epochs=10       the post's network, ten epochs, another seed
  ./cifar10 train --from production --set epochs=1    continue from the weights of a model, by its recipe
  ./cifar10 train minute --data photos/               on pictures of your own: photos/cats/1.jpg, …
  ./cifar10 train minute --data s3://my-bucket/photos  or in a bucket
  ./cifar10 train --data photos/ --from production    with the body of a model, and a new head for your classes
  ./cifar10 train minute --data photos/ --set imageSize=96 --set fit=pad    larger, and whole if they are long
  ./cifar10 train c92 --budget 5m                     as many epochs as fit into 5 minutes
  ./cifar10 train quick --out s3://my-bucket          into a bucket
  ./cifar10 train quick --run 20261123-041200-a1b2    resume an interrupted run
  ./cifar10 train c92 --summary                       the layers of a recipe's network; nothing is trained
  ./cifar10 train tiny --json | jq .loss              events as JSON lines`;

export function trainCommand(): Command {
  return new Command('train')
    .description('Train a recipe in this process and store a version of the model.')
    .argument('[recipe]', 'what to train: a recipe by name (default: quick; with --from, that of the weights)')
    .option('--set <key=value>', 'change a setting of the recipe, listed below; repeatable', collect)
    .option(
      '--budget <time>',
      'fit the number of epochs to a training time, such as 90s or 5m; the same as --set budget',
    )
    .option('--seed <number>', 'the same seed gives the same model (default: 1)', wholeNumber)
    .option(
      '--data <where>',
      'what to train on: cifar10 (the default), cifar100, cifar100-coarse, fashion-mnist, a folder with one folder for each class, a .csv or .jsonl table, a .zip or .tar.gz of either, or s3://<bucket>/<prefix>',
    )
    .addOption(onBadOption())
    .option(
      '--from <parent>',
      'start from a version, an alias or a Keras .h5 file, also of other classes; none draws all weights (default: with few pictures a CIFAR-10 version of the store, else none)',
    )
    .option('--out <store>', 'a folder or s3://<bucket>', defaultStore)
    .option('--run <id>', 'name of the run; an existing run resumes (default: a new name)')
    .option('--summary', 'print the layers of the network and their parameters, and train nothing')
    .option('--json', 'print events, or the summary, as lines of JSON')
    .addHelpText('after', help)
    .action(run);
}

async function run(recipe: string | undefined, options: Options): Promise<void> {
  // A job that was started by hand in the console has no --run; its id has colons in an array job.
  const { seed, data, onBad, from, out, run = jobId()?.replaceAll(':', '-'), json = false } = options;
  continueWithoutOutput();
  const { signal, exitCode, release } = onSignals((line) => process.stderr.write(`${line}\n`));
  try {
    const set = changesOf(options);
    if (options.summary) {
      process.stdout.write(await showNetwork({ recipe, set, data, onBad, from, out, json, signal }));
      return;
    }
    await prepareDevice(signal);
    const outcome = await trainHere(
      { recipe, set, seed, data, onBad, from, out, run },
      { signal, stream: process.stdout, json },
    );
    if (outcome.status === 'interrupted') process.exitCode = exitCode();
  } catch (error) {
    // Before the run began there is nothing to keep; a store that is waited for does not count against the signal.
    if (!signal.aborted || !(error === signal.reason || error instanceof StoreUnavailable)) throw error;
    if (error !== signal.reason) process.stderr.write(`error: ${(error as Error).message}\n`);
    process.exitCode = exitCode();
  } finally {
    release();
  }
}
