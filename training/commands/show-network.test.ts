import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UsageError } from '#errors/user-error.ts';
import { catsAndDogs, temporaryFolder, writeFiles } from '../datasets/pictures/pictures.fixture.ts';
import { showNetwork } from './show-network.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

const show = (options: Partial<Parameters<typeof showNetwork>[0]>) =>
  showNetwork({ out: `${folder}/store`, signal: new AbortController().signal, ...options });

test('the layers of a recipe’s network are shown with their sums, and nothing is stored', async () => {
  const lines = (await show({ recipe: 'seed' })).split('\n');
  expect(lines[0]).toContain('on cifar10: images of 32 x 32 x 3, 10 classes');
  expect(lines.slice(1, 4)).toEqual([
    expect.stringMatching(/^ {2}layer +kind +output +parameters/),
    '  rescale        normalization  32 x 32 x 3            0',
    '  conv1          convolution    32 x 32 x 32         896',
  ]);
  expect(lines.slice(-4)).toEqual([
    '  total                                          257,978',
    '  trainable                                      257,978',
    '  not trainable                                        0',
    '',
  ]);
  expect(await readdir(folder)).toEqual([]);
});

test('the network has the classes and the size of the pictures', async () => {
  await writeFiles(`${folder}/photos`, catsAndDogs(40));
  const text = await show({ recipe: 'tiny', set: ['imageSize=48'], data: `${folder}/photos`, json: true });
  const { layers, ...network } = JSON.parse(text);
  expect(network).toMatchObject({ type: 'network', recipe: 'tiny', input: [48, 48, 3], classes: 2 });
  expect(layers.at(-2)).toMatchObject({ kind: 'dense', output: [2] });
  const sum = layers.reduce((before: number, { parameters }: { parameters: number }) => before + parameters, 0);
  expect(network.trainable + network.notTrainable).toBe(sum);
  expect(network.parameters).toBe(sum);
});

test.each([
  [{ recipe: 'sed' }, 'did you mean "seed"?'],
  [{ recipe: 'tiny', set: ['imageSize=64'] }, 'cannot be used with imageSize=64'],
  [{ recipe: 'tiny', data: '/nosuch' }, 'There is no data set "/nosuch"'],
  [{ from: 'production' }, 'has no such version or alias: production'],
])('what cannot be trained has no network: %j', async (options, message) => {
  await expect(show(options)).rejects.toThrow(UsageError);
  await expect(show(options)).rejects.toThrow(message);
});
