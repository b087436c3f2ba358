import { expect, test } from 'vitest';
import { recipes } from './recipes.ts';
import { resolveRecipe } from './settings.ts';
import { settingsFor } from './settings-for-data.ts';

const dataset = (count: number, heldOut?: number) => ({
  train: { count, images: new Uint8Array(), labels: new Uint8Array() },
  ...(heldOut !== undefined && { heldOut }),
});

test('a data set that leaves it to the recipe what is held out changes nothing', () => {
  expect(settingsFor(dataset(50_000), recipes.quick)).toEqual([]);
});

test.each([
  [50_000, 5_000, { heldOut: 5_000, batchSize: 256, epochs: 4 }],
  [180_000, 20_000, { heldOut: 20_000, batchSize: 256, epochs: 4 }],
  [900_000, 100_000, { heldOut: 100_000, batchSize: 256, epochs: 4 }],
  [5_000, 500, { heldOut: 500, batchSize: 256, epochs: 12.6 }],
  [60, 6, { heldOut: 6, batchSize: 8, epochs: 115 }],
  [5, 2, { heldOut: 2, batchSize: 3, epochs: 490 }],
])('of %i images %i are held out: fewer images make smaller batches and more epochs', (count, heldOut, expected) => {
  const { settings } = resolveRecipe('minute', settingsFor(dataset(count, heldOut), recipes.minute));
  expect(settings).toMatchObject(expected);
});

test('what is asked for counts', () => {
  const changes = [...settingsFor(dataset(60, 6), recipes.minute), 'epochs=3'];
  expect(resolveRecipe('minute', changes).settings).toMatchObject({ epochs: 3, batchSize: 8 });
});
