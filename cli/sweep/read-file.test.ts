import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { UsageError } from '#errors/user-error.ts';
import { cifar10Images } from '#training/data/image-set.ts';
import { resolveRecipe } from '#training/recipe/settings.ts';
import { checkRecipe } from '#training/run/check.ts';
import { parseSweepFile, readSweepFile } from './read-file.ts';
import { readOptions } from './read-options.ts';
import { differenceCheck, groupsOf } from './runs-of.ts';

const file = `
recipe: minute
set: {heldOut: 5000}
over:
  learningRate: [0.2, 0.40]
  widths: [[32, 64, 64], [64, 128, 128]]
variants:
  - name: plain
  - name: mirrored
    set: {flip: random}
seeds: 2
keep: best:3
halving: 3
atMost: 8
`;

test('a sweep file is read as YAML or JSON, and options replace what it says or add to it', () => {
  const sweep = readOptions(parseSweepFile(file, 'a.yaml'), {});
  expect(sweep).toEqual({
    recipe: 'minute',
    data: 'cifar10',
    from: undefined,
    set: ['heldOut=5000'],
    over: [
      { setting: 'learningRate', values: ['0.2', '0.4'] },
      { setting: 'widths', values: ['32,64,64', '64,128,128'] },
    ],
    variants: [
      { name: 'plain', set: [] },
      { name: 'mirrored', set: ['flip=random'] },
    ],
    seeds: [1, 2],
    keep: 'best:3',
    halving: 3,
    atMost: 8,
  });
  const json = JSON.stringify({ recipe: 'minute', over: { learningRate: [0.2] }, seeds: [7, 9] });
  const options = { set: ['epochs=1'], over: ['widths=8,8,8;16,16,16'], keep: 'all', seeds: '3,5', atMost: '2' };
  expect(readOptions(parseSweepFile(json, 'a.json'), options)).toMatchObject({
    set: ['epochs=1'],
    over: [
      { setting: 'learningRate', values: ['0.2'] },
      { setting: 'widths', values: ['8,8,8', '16,16,16'] },
    ],
    seeds: [3, 5],
    keep: 'all',
    atMost: 2,
  });
});

test.each([
  ['recipe: minute\nover: [', /^a\.yaml, line 2: it is not YAML/],
  ['- minute', /^a\.yaml, line 1: it is no sweep\. Give a mapping with recipe/],
  ['recipe: minut', /^a\.yaml, line 1, recipe: There is no recipe "minut"\..*did you mean "minute"\?$/],
  ['recipe: minute\nseed: 3', /^a\.yaml, line 2, seed: there is no "seed" here; did you mean "seeds"\?$/],
  [
    'recipe: minute\nover:\n  momentum: [0.9]\n  learningRat: [0.2]',
    /^a\.yaml, line 4, over\.learningRat: there is no setting "learningRat"; did you mean "learningRate"\?$/,
  ],
  [
    'recipe: minute\nover:\n  learningRate:\n    - 0.2\n    - fast',
    /^a\.yaml, line 5, over\.learningRate\.1: learningRate cannot be "fast"\. Give a number from 0 to 100\.$/,
  ],
  ['recipe: minute\nset:\n  flip: up', /^a\.yaml, line 3, set\.flip: flip cannot be "up"/],
  ['recipe: minute\nseeds: 1.5', /^a\.yaml, line 2, seeds: seeds cannot be 1\.5\. Give how many from 1 on/],
  ['recipe: minute\nseeds: [1, two]', /^a\.yaml, line 2, seeds\.1: seeds cannot be "two"\. Give how many/],
  ['recipe: minute\nkeep: top', /^a\.yaml, line 2, keep: keep cannot be "top"\. Give best:<number>/],
  ['recipe: minute\nvariants:\n  - {set: {flip: none}}', /^a\.yaml, line 3, variants\.0\.name: name is missing\./],
  [
    'recipe: minute\nvariants: [3]',
    /^a\.yaml, line 2, variants\.0: variants cannot be 3\. Give a list of \{name, set\}\.$/,
  ],
  [
    'recipe: minute\nover:\n  learningRate: [0.1, .nan]',
    /^a\.yaml, line 3, over\.learningRate\.1: learningRate cannot be NaN\. over takes settings with lists/,
  ],
  [
    'recipe: minute\nset: {learningRate: 1e400}',
    /^a\.yaml, line 2, set\.learningRate: learningRate cannot be Infinity\./,
  ],
  ['recipe: minute\nkeep: *best', /^a\.yaml, line 2: there is no anchor &best before the alias \*best\.$/],
  ['recipe: minute\nseeds: &s [1, *s]', /^a\.yaml, line 2: the alias \*s stands within its own anchor\.$/],
  [
    `seeds: &a [1]\nover: {x: &b [${Array(11).fill('*a')}]}\nset: [${Array(11).fill('*b')}]`,
    /^a\.yaml, line 3: aliases of aliases stand for too many values\. Write the values out\.$/,
  ],
  ['recipe: minute\nset: {__proto__: 1}', /^a\.yaml, line 2, set\.__proto__: there is no "__proto__" here\.$/],
  [
    '{"recipe": "minute",\n"over": {"__proto__": [1]}}',
    /^a\.yaml, line 2, over\.__proto__: there is no "__proto__" here\.$/,
  ],
  ['recipe: minute\n---\nrecipe: quick', /^a\.yaml, line \d: a second document begins\. A sweep file is one document/],
])('a file that is no sweep is refused with line and key: %j', (text, message) => {
  expect(() => parseSweepFile(text, 'a.yaml')).toThrow(UsageError);
  expect(() => parseSweepFile(text, 'a.yaml')).toThrow(message);
});

test.each([
  [{ over: ['learningRate'] }, '"learningRate" is no grid. Write --over key=value,value'],
  [{ seeds: '1.5' }, '--seeds cannot be "1.5". Give a whole number from 1 to 1,000,000, or a list such as 1,2,5.'],
  [{ seeds: '0' }, '--seeds cannot be "0"'],
  [{ halving: '1' }, '--halving cannot be "1". Give a whole number from 2 to 10.'],
  [{ atMost: '0' }, '--at-most cannot be "0". Give a whole number from 1.'],
  [{ keep: 'best' }, '--keep cannot be "best". Give best:<number>'],
])('an option that is malformed is refused: %j', (options, message) => {
  expect(() => readOptions({ recipe: 'minute' }, options)).toThrow(message);
});

test('the sweep files of this repository are sweeps that CIFAR-10 can be trained by', async () => {
  const folder = new URL('../../experiments/', import.meta.url).pathname;
  const facts = { title: 'CIFAR-10', images: cifar10Images, train: { count: 50_000 } };
  for (const name of await readdir(folder)) {
    const sweep = readOptions(await readSweepFile(`${folder}${name}`), {});
    const groups = groupsOf(sweep);
    expect(groups.length, name).toBeGreaterThan(1);
    const checkDifferent = differenceCheck();
    for (const group of groups) {
      const { settings } = resolveRecipe(sweep.recipe, group.set);
      checkRecipe(settings, facts);
      checkDifferent(group, settings);
    }
  }
});

test('a sweep names a recipe', () => {
  expect(() => readOptions({}, {})).toThrow('Which recipe?');
});
