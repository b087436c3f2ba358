import { readFile } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { catsAndDogs, png, temporaryFolder, writeFiles } from '#training/datasets/pictures/pictures.fixture.ts';
import { dataCommand } from './data.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

let printed: string;

async function check(...args: string[]): Promise<string> {
  printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  try {
    await dataCommand()
      .exitOverride()
      .parseAsync(['check', ...args], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return stripVTControlCharacters(printed);
}

it('counts the pictures of each class by split, and says what is wrong and what to do', async () => {
  await writeFiles(`${folder}/pets`, { ...catsAndDogs(25), 'dogs/x.png': png(3) });
  const lines = (await check(`${folder}/pets`, '--html', `${folder}/page.html`)).split('\n');
  expect(lines[0]).toBe('pets: 51 pictures of 2 classes');
  expect(lines[1]).toMatch(/^class +pictures +train +held out +test$/);
  expect(lines[2]).toMatch(/^cats +25 +\d+ +\d+ +\d+$/);
  expect(lines).toContain(
    '! 1 picture in more than one class. One of the labels is wrong, and no net can learn both: remove it.',
  );
  expect(lines).toContain('    cats/3.png and dogs/x.png ("cats", "dogs")');
  expect(lines).toContain(`With pictures: ${folder}/page.html`);
  expect(await readFile(`${folder}/page.html`, 'utf8')).toContain('cats/3.png and dogs/x.png');
});

it('prints the same as JSON', async () => {
  await writeFiles(`${folder}/pets`, catsAndDogs(25));
  const { title, classes, findings } = JSON.parse(await check(`${folder}/pets`, '--json'));
  expect({ title, findings }).toEqual({ title: 'pets', findings: [] });
  for (const { train, val, test } of classes) expect(train + val + test).toBe(25);
});

it('fails after it has told everything, if the pictures cannot be trained on', async () => {
  await writeFiles(`${folder}/pets`, { ...catsAndDogs(25), 'birds/1.png': png(9_001), 'cats/a\u001b[2J.png': '' });
  await expect(check(`${folder}/pets`, '--json')).rejects.toThrow('The class "birds" of pets has one picture');
  expect(JSON.parse(printed).findings.slice(0, 4)).toMatchObject([
    { kind: 'class-too-small', level: 'error', examples: [{ words: 'birds/1.png', paths: ['birds/1.png'] }] },
    { kind: 'too-many-broken', level: 'error' },
    { kind: 'empty', level: 'warning', examples: [{ words: 'cats/a\u001b[2J.png is empty' }] },
    { kind: 'few-pictures', level: 'warning' },
  ]);
  await expect(check(`${folder}/pets`, '--html', `${folder}/page.html`, '--on-bad', 'skip')).rejects.toThrow('"birds"');
  expect(printed).toContain('    cats/a\\u001b[2J.png is empty');
  expect(printed).not.toContain('too-many-broken');
});

it.each([
  ['cifar10', 'cifar10 needs no check'],
  ['no-such-folder', 'no-such-folder does not exist'],
])('refuses %s', async (where, message) => {
  await expect(check(where)).rejects.toThrow(message);
});
