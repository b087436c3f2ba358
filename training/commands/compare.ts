import { Command } from 'commander';
import { UserError } from '#errors/user-error.ts';
import { resolveVersion } from '#models/aliases.ts';
import { percent } from '#models/percent.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { readVersion, type VerifiedVersion } from '#models/versions.ts';
import type { Dataset } from '../data/dataset.ts';
import { loadTestImages } from '../datasets/test-images.ts';
import { type Compared, type Comparison, compare } from '../evaluation/comparison.ts';
import { logitsOf } from '../evaluation/evaluate.ts';
import { topClasses } from '../evaluation/measure.ts';
import { progressLine } from './progress-line.ts';

interface Options {
  readonly store: string;
  readonly otherStore?: string;
  readonly json?: boolean;
}

const help = `
Both answer the same test images, without augmentation. Only the images that one gets right and the other does not can tell
them apart (McNemar's test, exact). It is about these two versions: whether a recipe is better takes several seeds of each.

Examples:
  ./cifar10 compare production candidate                                  is what was trained last better?
  ./cifar10 compare production candidate --store s3://my-bucket           of a bucket
  ./cifar10 compare production candidate --other-store s3://my-bucket     yours, and the candidate of a bucket
  ./cifar10 compare 20261123-0412-a1b2c3d4 candidate --json | jq .pValue  for a program`;

export function compareCommand(): Command {
  return new Command('compare')
    .description('Tell whether the second version is better than the first, or just lucky on the test images.')
    .argument('<first>', 'a version or an alias')
    .argument('<second>', 'a version or an alias')
    .option('--store <store>', 'a folder or s3://<bucket>', process.env.CIFAR10_STORE || '.cifar10/store')
    .option('--other-store <store>', 'where the second one is (default: where the first one is)')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(run);
}

async function run(first: string, second: string, { store, otherStore = store, json }: Options): Promise<void> {
  const versions = [await open(first, store), await open(second, otherStore)] as const;
  const data = await loadTestImages(versions[0].version.card);
  if (versions.some(({ version }) => version.card.classes.join() !== data.classes.join())) {
    throw new UserError(`${second} and ${first} know different classes, so there is nothing to compare.`);
  }
  const progress = progressLine();
  const answers = [];
  for (const { version, alias } of versions) {
    progress.show(`${alias ?? version.id} answers ${data.test.count} images …`);
    answers.push({ version: version.id, ...(alias && { alias }), answers: await answersOf(version, data) });
  }
  progress.end();
  const comparison = compare(answers[0]!, answers[1]!, data);
  process.stdout.write(json ? `${JSON.stringify(comparison, undefined, 2)}\n` : table(comparison));
}

async function open(
  name: string,
  url: string,
): Promise<{ readonly version: VerifiedVersion; readonly alias?: string }> {
  const store = await openObjectStore(url);
  const version = await readVersion(store, await resolveVersion(store, name));
  return version.id === name ? { version } : { version, alias: name };
}

async function answersOf(version: VerifiedVersion, { test, classes }: Dataset): Promise<Uint8Array> {
  const { openStoredModel } = await import('../evaluation/stored-model.ts'); // Loads TensorFlow.js, which errors need not wait for.
  const model = await openStoredModel(version);
  try {
    return topClasses(await logitsOf(model.predict, test, classes.length), classes.length);
  } finally {
    model.dispose();
  }
}

function table(comparison: Comparison): string {
  const { first, second, images, bothRight, onlyFirst, onlySecond, bothWrong, verdict, perClass } = comparison;
  const [low, high] = comparison.interval95.map(points);
  const width = Math.max(11, ...perClass.map((each) => each.class.length));
  const line = ({ version, alias, plain, interval95 }: Compared) =>
    `  ${(alias === undefined ? version : `${version} (${alias})`).padEnd(40)} ${percent(plain)}   95 %: ${interval95.map((end) => percent(end)).join(' to ')}`;
  return `${[
    `On the same ${images.toLocaleString('en')} test images, without augmentation`,
    line(first),
    line(second),
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

/** With its sign: it is a difference. */
function points(fraction: number): string {
  return `${fraction < 0 ? '-' : '+'}${Math.abs(100 * fraction).toFixed(2)}`;
}

function shortest(pValue: number): string {
  return pValue < 1e-4 ? pValue.toExponential(1) : pValue.toFixed(4);
}
