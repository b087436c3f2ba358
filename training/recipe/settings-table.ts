import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { recipes } from './recipes.ts';
import { descriptionOf, settingGroups, settingNames } from './settings-schema.ts';

const file = fileURLToPath(new URL('../../docs/settings.md', import.meta.url));

/** What is committed. */
export function writtenSettings(): string {
  return readFileSync(file, 'utf8');
}

/** `docs/settings.md`: every setting, what it means, what it may be, and its value in each recipe. */
export function settingsPage(): string {
  const recipeNames = Object.keys(recipes) as (keyof typeof recipes)[];
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `<!-- Written by "npm run settings". Do not edit. -->
# Settings

\`./cifar10 train <recipe> --set <setting>=<value>\` changes a setting of a recipe for one run.

${settingGroups()
  .map(({ heading, names }) =>
    [
      `## ${heading}`,
      row(['setting', 'what it is', 'values']),
      row(['---', '---', '---']),
      ...names.map((name) => {
        const { meaning, takes } = descriptionOf(name);
        return row([`\`${name}\``, meaning, takes]);
      }),
    ].join('\n'),
  )
  .join('\n\n')}

## The recipes

${[
  row(['setting', ...recipeNames.map((name) => `\`${name}\``)]),
  row(['---', ...recipeNames.map(() => '---')]),
  ...settingNames.map((setting) => row([`\`${setting}\``, ...recipeNames.map((name) => `${recipes[name][setting]}`)])),
].join('\n')}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(file, settingsPage());
