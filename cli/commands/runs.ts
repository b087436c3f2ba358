import { Command } from 'commander';
import { percent } from '#models/percent.ts';
import { duration } from '#training/commands/run-view.ts';
import { type ListedRun, listRuns } from '../runs/list-runs.ts';
import { describeProgress } from '../runs/run-progress.ts';
import { firstTraining, openStore, type StoreOptions, withStoreOptions } from '../stack/store-option.ts';
import { table } from '../terminal/table.ts';

interface Options extends StoreOptions {
  readonly json?: boolean;
}

const examples = `
The accuracy of a finished run is that on the test images; of another one, the last on the images that
are held out. "training" is the time of the steps alone.

Examples:
  ./cifar10 runs                                     all runs on LocalStack, the newest first
  ./cifar10 runs --store .cifar10/store              those in a folder
  ./cifar10 runs --json | jq '.[] | select(.state == "finished") | .result.accuracy.plain'`;

export function runsCommand(): Command {
  return withStoreOptions(
    new Command('runs').description('List all training runs with recipe, data, accuracy and time.'),
  )
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(runs);
}

async function runs(options: Options): Promise<void> {
  const store = await openStore(options);
  const listed = await listRuns(store);
  if (options.json) return print(JSON.stringify(listed, undefined, 2));
  if (listed.length === 0) return print(`${store.url} has no runs yet. Begin one with "${firstTraining(options)}".`);
  const header = ['run', 'state', 'recipe', 'seed', 'data', 'accuracy', 'with TTA', 'training', 'version'];
  for (const line of table([header, ...listed.map(rowOf)])) print(line);
}

function rowOf({ run, state, args, result, progress, problem }: ListedRun): string[] {
  const about = [run, state, args?.recipe ?? '', args ? String(args.seed) : '', args?.data.name ?? ''];
  if (result) {
    const { accuracy, trainingSeconds, version } = result;
    return [...about, percent(accuracy.plain), percent(accuracy.tta), duration(trainingSeconds), version];
  }
  const heldOut = progress?.heldOut === undefined ? '' : `${percent(progress.heldOut)} held out`;
  return [...about, heldOut, '', '', problem ?? (progress ? progressOf(state, progress) : '')];
}

function progressOf(
  state: ListedRun['state'],
  { heldOut: _, secondsLeft, ...progress }: NonNullable<ListedRun['progress']>,
) {
  return describeProgress({ ...progress, ...(state === 'running' && secondsLeft !== undefined && { secondsLeft }) });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
