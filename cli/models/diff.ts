import { Command } from 'commander';
import pc from 'picocolors';
import { percent, points } from '#models/percent.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openStore, type StoreOptions, withStoreOptions } from '../stack/store-option.ts';
import { table } from '../terminal/table.ts';
import { type Difference, differenceOf, type Measured, type Pair } from './difference.ts';

const help = `
Every byte of both is verified first. Accuracies are those of the cards, and have a difference where both were tested on the
same images. Two runs of sweeps that held out the same images are also compared image by image on these, by McNemar's
test; for any other two, "./cifar10 compare <first> <second>" classifies the test images again and does that.

Examples:
  ./cifar10 models diff production candidate                         what the next promotion changes
  ./cifar10 models diff production candidate --json | jq .settings   for a program`;

export function diffCommand(): Command {
  return withStoreOptions(new Command('diff').description('Show what is different about two versions.'))
    .argument('<first>', 'a version or an alias')
    .argument('<second>', 'a version or an alias')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(diff);
}

async function diff(first: string, second: string, options: StoreOptions & { readonly json?: boolean }): Promise<void> {
  const store = await openStore(options);
  const difference = await differenceOf(store, [first, second]);
  process.stdout.write(`${options.json ? JSON.stringify(difference, undefined, 2) : describe(difference, store)}\n`);
}

function describe(difference: Difference, store: ObjectStore): string {
  const { first, second, facts, settings, data, classes, test, heldOut, thresholds, size, speed } = difference;
  const title = ({ version, aliases }: Difference['first']) =>
    aliases.length === 0 ? version : `${version} (${aliases.join(', ')})`;
  const sections = [
    section('', ['', 'first', 'second'], [['version', title(first), title(second)], ...pairs(facts)]),
    section('settings', ['setting', 'first', 'second'], pairs(settings)),
    section('data', ['', 'first', 'second'], pairs(data)),
    classLines(classes),
    section(
      test.isSame ? 'on the same test images' : 'each on its own test images, so there are no differences',
      ['metric', 'first', 'second', 'difference'],
      metricRows(test.metrics),
    ),
    section('', ['class', 'first', 'second', 'difference'], Object.entries(test.perClass).map(shareRow)),
    heldOut ? heldOutLines(heldOut) : [],
    section('thresholds', ['', 'first', 'second', 'difference'], numberRows(thresholds)),
    section('size', ['', 'first', 'second', 'difference'], numberRows(size)),
    section('training', ['', 'first', 'second', 'difference'], numberRows(speed)),
    heldOut || !test.isSame ? [] : [`Whether chance explains it: ${compareCommand(difference, store)}`],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** No lines where there are no rows. */
function section(title: string, header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  return [...(title === '' ? [] : [pc.bold(title)]), ...table([header, ...rows])];
}

function pairs(differing: Readonly<Record<string, Pair<unknown>>>): string[][] {
  return Object.entries(differing).map(([name, { first, second }]) => [name, shown(first), shown(second)]);
}

function shown(value: unknown): string {
  if (value === null) return '-';
  if (typeof value !== 'string') return JSON.stringify(value);
  return /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 8) : value;
}

function classLines({ onlyFirst, onlySecond, isReordered }: Difference['classes']): string[] {
  const lines = [
    ...(onlyFirst.length > 0 ? [`only the first one knows ${onlyFirst.join(', ')}`] : []),
    ...(onlySecond.length > 0 ? [`only the second one knows ${onlySecond.join(', ')}`] : []),
    ...(isReordered ? ['the classes of both are in another order'] : []),
  ];
  return lines.length === 0 ? [] : [pc.bold('classes'), ...lines];
}

/** Shares are in percent, and their differences in points. */
function metricRows(metrics: Difference['test']['metrics']): string[][] {
  const { macroAuc, loss, ...shares } = metrics;
  const numbers = Object.entries({ macroAuc, loss }).filter(
    (each): each is [string, Measured] => each[1] !== undefined,
  );
  return [...Object.entries(shares).map(shareRow), ...numberRows(Object.fromEntries(numbers))];
}

function shareRow([name, { first, second, difference }]: readonly [string, Measured]): string[] {
  return [name, percent(first), percent(second), difference === undefined ? '' : points(difference)];
}

function numberRows(measured: Readonly<Record<string, Measured>>): string[][] {
  const signed = (value: number) => (value === 0 ? '0' : `${value > 0 ? '+' : '-'}${number(Math.abs(value))}`);
  return Object.entries(measured).map(([name, { first, second, difference }]) => [
    ...[name, number(first), number(second)],
    difference === undefined ? '' : signed(difference),
  ]);
}

function number(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en') : String(Number(value.toPrecision(4)));
}

function heldOutLines(test: NonNullable<Difference['heldOut']>): string[] {
  const [low, high] = test.interval95.map(points);
  return [
    pc.bold(`on the same ${test.images.toLocaleString('en')} held-out images`),
    `difference ${points(test.difference)} points, 95 %: ${low} to ${high}; p = ${Number(test.pValue.toPrecision(2))}`,
    `both right ${test.bothRight}, only the first ${test.onlyFirst}, only the second ${test.onlySecond}, neither ${test.bothWrong}`,
  ];
}

function compareCommand({ first, second }: Difference, { commandOption }: ObjectStore): string {
  return `./cifar10 compare ${first.version} ${second.version} ${commandOption}`.trimEnd();
}
