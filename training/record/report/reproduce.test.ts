import { expect, test } from 'vitest';
import { resolveContinuation, resolveRecipe } from '../../recipe/settings.ts';
import { storedSettings } from '../../recipe/stored-settings.ts';
import { reproduceCommands } from './reproduce.ts';

const run = { name: 'cifar10', data: { name: 'CIFAR-10', sha256: {}, heldOut: 0 }, seed: 1, commit: null };
const parent = { version: '20261123-0412-a1b2c3d4' };

test.each([
  [[], './cifar10 train short --seed 1'],
  [['translate=2', 'learningRate=0.04'], './cifar10 train short --seed 1 --set learningRate=0.04 --set translate=2'],
])('a run with the changes %j is reproduced by them', (changes, command) => {
  const { name, settings } = resolveRecipe('short', changes);
  expect(reproduceCommands({ ...run, recipe: { name, settings: storedSettings(settings) } })).toBe(command);
});

test.each([
  [[], ''],
  // The recipe's own rate, which is not the one that a run from existing weights has by default.
  [['learningRate=0.4'], ' --set learningRate=0.4'],
])('a run from existing weights with the changes %j, too', (changes, set) => {
  const { name, settings } = resolveContinuation({ name: 'short', parent: undefined }, changes);
  const command = reproduceCommands({ ...run, parent, recipe: { name, settings: storedSettings(settings) } });
  expect(command).toBe(`./cifar10 train short --from 20261123-0412-a1b2c3d4 --seed 1${set}`);
});

test('a run with a new head, too', () => {
  const { name, settings } = resolveContinuation({ name: 'short', parent: undefined, hasNewHead: true }, ['epochs=3']);
  const head = { kept: [], drawn: ['yak', 'yeti'], left: [] };
  const card = { ...run, parent: { ...parent, head }, recipe: { name, settings: storedSettings(settings) } };
  expect(reproduceCommands(card)).toBe('./cifar10 train short --from 20261123-0412-a1b2c3d4 --seed 1 --set epochs=3');
});

test('pictures of one’s own are named, not where they were', () => {
  const { name, settings } = resolveRecipe('short');
  const own = { ...run, name: 'my-cats', data: { ...run.data, name: 'My cats' } };
  const command = reproduceCommands({ ...own, recipe: { name, settings: storedSettings(settings) } });
  expect(command).toBe('./cifar10 train short --data <folder or table My cats> --seed 1');
});
