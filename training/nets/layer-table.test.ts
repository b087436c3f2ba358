import { expect, test } from 'vitest';
import { netOf, recipes } from '../recipe/recipes.ts';
import { countParameters, countWeights, layerTable, sumsOf } from './layer-table.ts';
import { everythingBranched } from './net.fixture.ts';
import { seedNet } from './seed.ts';

test('the layers of the post’s net have the shapes and parameters that Keras’s summary lists', () => {
  const weighted = layerTable(seedNet).filter(({ parameters }) => parameters > 0);
  expect(weighted.map(({ kind, output, parameters }) => [kind, output, parameters])).toEqual([
    ['convolution', [32, 32, 32], 896],
    ['convolution', [16, 16, 64], 18_496],
    ['convolution', [8, 8, 128], 73_856],
    ['dense', [80], 163_920],
    ['dense', [10], 810],
  ]);
  expect(countParameters(seedNet)).toBe(257_978);
});

test('every layer of a net has a row, in order; running statistics are no parameters', () => {
  const rows = layerTable(everythingBranched);
  expect(rows.map(({ name }) => name)).toEqual(everythingBranched.layers.map(({ name }) => name));
  for (const { kind, output, parameters } of rows) {
    const layer = kind === 'batch-normalization' ? parameters / output.at(-1)! : 0;
    expect(layer).toBeLessThanOrEqual(2); // gamma and beta
  }
});

test('the sums are of the rows; whitening kernels are not trained, and running statistics stand for themselves', () => {
  const net = netOf(recipes.c92);
  const rows = layerTable(net).reduce((sum, { parameters }) => sum + parameters, 0);
  const norms = layerTable(net).filter(({ kind }) => kind === 'batch-normalization');
  const channels = norms.reduce((sum, { output }) => sum + output.at(-1)!, 0);
  const whitening = 2 * 2 * 3 * 24;
  expect(countWeights(net)).toEqual({ parameters: rows, trainable: rows - whitening, statistics: 2 * channels });
  expect(countParameters(net)).toBe(rows);
  expect(sumsOf(countWeights(net)).map(([name]) => name)).toContain('running statistics');
  expect(sumsOf(countWeights(seedNet))).toEqual([
    ['total', 257_978],
    ['trainable', 257_978],
    ['not trainable', 0],
  ]);
});
