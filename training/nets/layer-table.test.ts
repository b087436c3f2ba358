import { expect, test } from 'vitest';
import { countParameters, layerTable } from './layer-table.ts';
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
