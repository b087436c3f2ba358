import { Command } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { variable } from '#environment/variables.ts';
import { checkRunId, newRunId } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { loadCifar10 } from '../datasets/cifar10/cifar10.ts';
import { recipes } from '../recipe/recipes.ts';
import { describeSettings, resolveRecipe } from '../recipe/settings.ts';
import { checkParent, openParent } from '../run/parent.ts';
import { spoolFor } from '../run/spooled-checkpoints.ts';
import { onSignals } from './on-signals.ts';
import { changesOf, collect, wholeNumber } from './option-parsers.ts';
import { viewFor } from './run-view.ts';

interface Options {
  readonly set?: readonly string[];
  readonly budget?: string;
  readonly seed: number;
  readonly from?: string | undefined;
  readonly out: string;
  readonly run?: string;
  readonly json?: boolean;
}

const summaries: Readonly<Record<keyof typeof recipes, string>> = {
  minute: 'a narrow airbench net: at least 83 % in 1 minute on two cores',
  quick: 'a wider one: at least 88 % with test-time augmentation in 3 minutes',
  c90: 'at least 90 % with test-time augmentation in 5 minutes',
  c92: 'at least 92 % with test-time augmentation in 12 minutes',
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
  ./cifar10 train --from production --set epochs=1    start from the weights of a model
  ./cifar10 train c92 --budget 5m                     as many epochs as fit into 5 minutes
  ./cifar10 train quick --out s3://my-bucket          into a bucket
  ./cifar10 train quick --run 20261123-041200-a1b2    resume an interrupted run
  ./cifar10 train tiny --json | jq .loss              events as JSON lines`;

export function trainCommand(): Command {
  return new Command('train')
    .description('Train a recipe in this process and store a version of the model.')
    .argument('[recipe]', 'what to train: a recipe by name', 'quick')
    .option('--set <key=value>', 'change a setting of the recipe, listed below; repeatable', collect)
    .option(
      '--budget <time>',
      'fit the number of epochs to a training time, such as 90s or 5m; the same as --set budget',
    )
    .option('--seed <number>', 'the same seed gives the same model', wholeNumber, 1)
    .option('--from <parent>', 'start from the weights of a version, an alias or a Keras .h5 file')
    .option('--out <store>', 'a folder or s3://<bucket>', defaultStore)
    .option('--run <id>', 'name of the run; an existing run resumes (default: a new name)')
    .option('--json', 'print events as lines of JSON')
    .addHelpText('after', help)
    .action(run);
}

async function run(name: string, options: Options): Promise<void> {
  const { seed, from, out, run: given, json = false } = options;
  const set = changesOf(options);
  const recipe = resolveRecipe(name, set);
  const run = checkRunId(given ?? jobId() ?? newRunId());
  const store = await openObjectStore(out);
  const parent = from === undefined ? undefined : await openParent({ from: checkParent(from), store, run });
  const view = viewFor(process.stdout, { json });
  const tell = (line: string) => process.stderr.write(`${line}\n`);
  const { signal, exitCode, release } = onSignals(tell);
  try {
    const data = await loadCifar10({ log: tell, signal, ...(isBucket(store) && { bucket: store }) });
    const { train } = await import('../run/train.ts'); // Loads the backends, which bad arguments need not wait for.
    const resume = resumeCommand(name, { set, seed, from, out, run });
    const outcome = await train({
      recipe,
      seed,
      from: parent,
      data,
      store,
      spool: spoolFor(store),
      run,
      resume,
      emit: view.show,
      signal,
    });
    if (outcome.status === 'interrupted') process.exitCode = exitCode();
    else if (outcome.wasFinished) {
      const { at, version } = outcome.result;
      tell(`The run ${run} is finished; nothing is left to do.`);
      view.show({ at, type: 'saved', version, store: store.url });
    }
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    process.exitCode = exitCode(); // Before the run began: there is nothing to keep.
  } finally {
    view.end();
    release();
  }
}

/** A job that was started by hand in the console has no --run; its id has colons in an array job. */
function jobId(): string | undefined {
  return process.env[variable.jobId]?.replaceAll(':', '-');
}

function isBucket(store: ObjectStore): boolean {
  return store.url.startsWith('s3://');
}

function resumeCommand(
  recipe: string,
  { set, seed, from, out, run }: Omit<Options, 'json' | 'run'> & { readonly run: string },
): string {
  const changes = (set ?? []).flatMap((change) => ['--set', change]);
  const words = ['./cifar10', 'train', recipe, ...(from === undefined ? [] : ['--from', from]), ...changes];
  return [...words, '--seed', String(seed), '--out', out, '--run', run].map(quoted).join(' ');
}

/** For a shell, where it needs that. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
