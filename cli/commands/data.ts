import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import pc from 'picocolors';
import { systemError } from '#errors/system-error.ts';
import { UsageError } from '#errors/user-error.ts';
import { onBadOption } from '#training/commands/option-parsers.ts';
import { progressLine } from '#training/commands/progress-line.ts';
import type { OnBad } from '#training/data/dataset.ts';
import { isNamed } from '#training/datasets/open-dataset.ts';
import { assertTrainable } from '#training/datasets/pictures/assert-trainable.ts';
import {
  type InspectedFinding,
  type InspectedPictures,
  inspectPictures,
} from '#training/datasets/pictures/inspect-pictures.ts';
import { checkPage } from '../data/check-page.ts';
import { visible } from '../data/visible.ts';
import { table } from '../terminal/table.ts';

export function dataCommand(): Command {
  return new Command('data')
    .description('Look after data sets.')
    .addCommand(
      new Command('check')
        .description('Check pictures before training on them.')
        .argument('<where>', 'a folder that has one folder for each class, or a .csv or .jsonl table')
        .addOption(onBadOption())
        .option('--html <file>', 'where to write the page with pictures (default: check.html; with --json, none)')
        .option('--json', 'print JSON')
        .addHelpText('after', examples)
        .action(check),
    );
}

const examples = `
Every picture is opened, as training does: what is opened now need not be opened again.
Exit code 1 means that it cannot be trained on.

Examples:
  ./cifar10 data check photos/                 photos/cats/1.jpg, photos/dogs/2.png, …
  ./cifar10 data check photos/labels.csv       with the columns path, label and perhaps split and group
  ./cifar10 data check photos/ --json | jq '.findings[] | select(.kind == "duplicates")'
  ./cifar10 train --data photos/               train on it`;

interface CheckOptions {
  readonly onBad?: OnBad;
  readonly html?: string;
  readonly json?: boolean;
}

async function check(where: string, { onBad, html, json = false }: CheckOptions): Promise<void> {
  if (isNamed(where))
    throw new UsageError(`${where} needs no check: every byte of it is verified whenever it is loaded.`);
  const line = progressLine();
  const inspected = await inspectPictures(where, { progress: line.show, ...(onBad && { onBad }) }).finally(line.end);
  process.stdout.write(json ? `${JSON.stringify(forPrograms(inspected), undefined, 2)}\n` : describe(inspected));
  const page = html ?? (json ? undefined : 'check.html');
  if (page !== undefined) {
    await writeFile(page, checkPage(inspected)).catch((error: unknown) => {
      throw systemError(error, page) ?? error;
    });
    if (!json) process.stdout.write(`\nWith pictures: ${resolve(page)}\n`);
  }
  assertTrainable(inspected.findings);
}

/** Without pixels: paths alone. */
function forPrograms({ title, classes, findings }: InspectedPictures) {
  return {
    title,
    classes: classes.map(({ name, train, val, test }) => ({ name, train, val, test })),
    findings: findings.map(({ kind, level, title, remedy, examples }) => ({
      ...{ kind, level, title, remedy },
      examples: examples.map(({ words, pictures }) => ({ words, paths: pictures.map(({ path }) => path) })),
    })),
  };
}

/** Examples of a finding that are printed. */
const EXAMPLES = 5;

const marks: Readonly<Record<InspectedFinding['level'], string>> = {
  error: pc.red('✗'),
  warning: pc.yellow('!'),
  note: pc.cyan('·'),
};

function describe({ title, classes, findings }: InspectedPictures): string {
  const header = ['class', 'pictures', 'train', 'held out', 'test'];
  const rows = classes.map(({ name, train, val, test }) =>
    [visible(name), train + val + test, train, val, test].map(String),
  );
  const total = rows.reduce((sum, [, pictures]) => sum + Number(pictures), 0);
  const lines = [
    `${pc.bold(visible(title))}: ${total.toLocaleString('en')} pictures of ${classes.length} classes`,
    ...table([header, ...rows]),
    ...findings.flatMap(({ level, title, examples, remedy }) => [
      '',
      `${marks[level]} ${visible(title)}. ${visible(remedy)}`,
      ...examples.slice(0, EXAMPLES).map(({ words }) => `    ${visible(words)}`),
      ...(examples.length > EXAMPLES ? [`    and ${(examples.length - EXAMPLES).toLocaleString('en')} more`] : []),
    ]),
    ...(findings.length === 0 ? ['', `${pc.green('✓')} Nothing was found that is wrong with them.`] : []),
  ];
  return `${lines.join('\n')}\n`;
}
