import { Command } from 'commander';
import pc from 'picocolors';
import { UsageError } from '#errors/user-error.ts';
import { progressLine } from '#training/commands/progress-line.ts';
import { isNamed } from '#training/datasets/open-dataset.ts';
import { type InspectedPictures, inspectPictures } from '#training/datasets/pictures/inspect-pictures.ts';
import { table } from '../terminal/table.ts';

export function dataCommand(): Command {
  return new Command('data')
    .description('Look after data sets.')
    .addCommand(
      new Command('check')
        .description('Check pictures before training on them.')
        .argument('<where>', 'a folder that has one folder for each class, or a .csv or .jsonl table')
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
  ./cifar10 train --data photos/               train on it`;

async function check(where: string, { json = false }: { readonly json?: boolean }): Promise<void> {
  if (isNamed(where))
    throw new UsageError(`${where} needs no check: every byte of it is verified whenever it is loaded.`);
  const line = progressLine();
  const inspected = await inspectPictures(where, { progress: line.show }).finally(line.end);
  process.stdout.write(json ? `${JSON.stringify(inspected, undefined, 2)}\n` : describe(inspected));
}

function describe({ title, classes, findings }: InspectedPictures): string {
  const header = ['class', 'pictures', 'train', 'held out', 'test'];
  const rows = classes.map(({ name, train, val, test }) => [name, train + val + test, train, val, test].map(String));
  const total = rows.reduce((sum, [, pictures]) => sum + Number(pictures), 0);
  const lines = [
    `${pc.bold(title)}: ${total.toLocaleString('en')} pictures of ${classes.length} classes`,
    ...table([header, ...rows]),
    ...findings.flatMap(({ title, examples, remedy }) => [
      '',
      `${pc.yellow('!')} ${title}. ${remedy}`,
      ...examples.map((example) => `    ${example}`),
    ]),
    ...(findings.length === 0 ? ['', `${pc.green('✓')} Nothing was found that is wrong with them.`] : []),
  ];
  return `${lines.join('\n')}\n`;
}
