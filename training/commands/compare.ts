import { isDeepStrictEqual } from 'node:util';
import { Command } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import { resolveVersion } from '#models/aliases.ts';
import { percent, points } from '#models/percent.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { readVersion, type VerifiedVersion } from '#models/versions.ts';
import type { Dataset } from '../data/dataset.ts';
import { openTestImages } from '../datasets/test-images.ts';
import { type Compared, type Comparison, compare } from '../evaluation/comparison.ts';
import { areTestImagesOf } from '../evaluation/evaluation-report.ts';
import { readSweep } from '../record/sweep/read-sweep.ts';
import { compareSweepGroups, describeGroups } from './compare-groups.ts';
import { progressLine } from './progress-line.ts';

interface Options {
  readonly sweep?: string;
  readonly store: string;
  readonly otherStore?: string;
  readonly data?: string;
  readonly json?: boolean;
}

const help = `
Both versions classify the same test images, without augmentation: those that the second one was trained to be tested on,
whatever the first one was tested on. Only images that one gets right and the other wrong distinguish them (McNemar's exact
test). The result is about these two versions: whether a recipe is better takes several seeds of each. With --sweep, groups of
a sweep are compared on its held-out images: runs of the same seed make a pair, and the interval accounts for seeds and images.

Examples:
  ./cifar10 compare production candidate                                  is the version trained last better?
  ./cifar10 compare production candidate --store s3://my-bucket           versions in a bucket
  ./cifar10 compare production candidate --other-store s3://my-bucket     yours, and the candidate in a bucket
  ./cifar10 compare 20261123-0412-a1b2c3d4 candidate --json | jq .pValue  for a program
  ./cifar10 compare optimizer=sgd optimizer=muon --sweep 0123456789ab     a recipe against a recipe, over their seeds`;

export function compareCommand(): Command {
  return new Command('compare')
    .description('Show whether the second version is better than the first, or just lucky on the test images.')
    .argument(
      '<first>',
      'a version or an alias; with --sweep, a group: its settings, as far as they tell it from the others',
    )
    .argument('<second>', 'the same of the second one')
    .option('--sweep <id>', 'compare two groups of a sweep, each with all of its seeds')
    .option('--store <store>', 'a folder or s3://<bucket>', defaultStore)
    .option('--other-store <store>', 'the store of the second version (default: the same)')
    .option(
      '--data <where>',
      'a data set with test images of the same classes (default: the one of the second version)',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(run);
}

interface OpenedVersion {
  readonly version: VerifiedVersion;
  /** The alias that was asked for, if it was one. */
  readonly alias?: string;
}

async function run(first: string, second: string, { store, otherStore = store, ...options }: Options): Promise<void> {
  if (options.sweep !== undefined) {
    if (options.data !== undefined || otherStore !== store) {
      throw new UsageError(
        'Groups of a sweep are compared on its held-out images: leave --data and --other-store out.',
      );
    }
    const compared = compareSweepGroups(await readSweep(await openObjectStore(store), options.sweep), first, second);
    process.stdout.write(options.json ? `${JSON.stringify(compared, undefined, 2)}\n` : describeGroups(compared));
    return;
  }
  const versions = [await open(first, store), await open(second, otherStore)] as const;
  const [one, other] = versions.map(({ version }) => version.card);
  if (!isDeepStrictEqual(one!.classes, other!.classes)) {
    throw new UserError(`${second} and ${first} know different classes, so there is nothing to compare.`);
  }
  const where = { name: options.data, store: await openObjectStore(otherStore) };
  const data = await openTestImages(other!, where);
  const isSameInput = isDeepStrictEqual(one!.input, other!.input);
  const inItsForm = isSameInput ? data : await openTestImages(other!, { ...where, input: one!.input });
  const { classifyTestImages } = await import('../evaluation/stored-model.ts'); // Loads TensorFlow.js, which errors need not wait for.
  const progress = progressLine();
  const answers = [];
  for (const [index, { version, alias }] of versions.entries()) {
    progress.show(`${alias ?? version.id} classifies ${data.test.count} images …`);
    answers.push({
      version: version.id,
      ...(alias && { alias }),
      answers: await classifyTestImages(version, index === 0 ? inItsForm : data),
    });
  }
  progress.end();
  const comparison = compare(answers[0]!, answers[1]!, data);
  if (options.json) process.stdout.write(`${JSON.stringify(comparison, undefined, 2)}\n`);
  else process.stdout.write(table(comparison, otherwiseTested(versions, data)));
}

async function open(name: string, url: string): Promise<OpenedVersion> {
  const store = await openObjectStore(url);
  const version = await readVersion(store, await resolveVersion(store, name));
  return version.id === name ? { version } : { version, alias: name };
}

/** The versions whose own accuracy is of other test images. */
function otherwiseTested(versions: readonly OpenedVersion[], data: Dataset): string[] {
  return versions.filter(({ version }) => !areTestImagesOf(version.card, data)).map(({ version }) => version.id);
}

function table(comparison: Comparison, otherwiseTested: readonly string[]): string {
  const { data, first, second, images, bothRight, onlyFirst, onlySecond, bothWrong, verdict, perClass } = comparison;
  const [low, high] = comparison.interval95.map(points);
  const width = Math.max(11, ...perClass.map((each) => each.class.length));
  const line = ({ version, alias, plain, interval95 }: Compared) =>
    `  ${(alias === undefined ? version : `${version} (${alias})`).padEnd(40)} ${percent(plain)}   95 %: ${interval95.map((end) => percent(end)).join(' to ')}`;
  return `${[
    `On the same ${images.toLocaleString('en')} test images of ${data}, without augmentation`,
    line(first),
    line(second),
    ...otherwiseTested.map((version) => `  ${version} was tested on other images when it was trained`),
    '',
    `  difference ${points(comparison.difference)} points, 95 %: ${low} to ${high}; p = ${shortest(comparison.pValue)}`,
    `  both right ${bothRight}, only the first ${onlyFirst}, only the second ${onlySecond}, neither ${bothWrong}`,
    '',
    `  ${'class'.padEnd(width)}     first    second  difference`,
    ...perClass.map(
      (each) =>
        `  ${each.class.padEnd(width)} ${percent(each.first).padStart(9)} ${percent(each.second).padStart(9)} ${points(each.second - each.first).padStart(11)}${each.isSignificant ? '  more than chance' : ''}`,
    ),
    '',
    verdict,
  ].join('\n')}\n`;
}

function shortest(pValue: number): string {
  return pValue < 1e-4 ? pValue.toExponential(1) : pValue.toFixed(4);
}
