import { constants } from 'node:buffer';
import { expect, test } from 'vitest';
import { freeMemory } from '../../data/free-memory.ts';
import { assertFitInMemory } from './fit-in-memory.ts';

test('10,000 pictures of 128x128 pixels fit', () => {
  expect(() => assertFitInMemory(10_000, 128)).not.toThrow();
});

test('pictures that do not fit are refused with the largest size in which they would', () => {
  const most = Math.min(freeMemory(), constants.MAX_LENGTH);
  const pictures = Math.floor(most / (3 * 50 ** 2)); // Between 48 and 64 pixels, whatever else is using memory now.
  expect(() => assertFitInMemory(pictures, 48)).not.toThrow();
  expect(() => assertFitInMemory(pictures, 128)).toThrow(
    /take \d+\.\d GB of memory, .* Set imageSize=48, or train on fewer/,
  );
});

test('so many that they fit in no size are refused without naming one', () => {
  expect(() => assertFitInMemory(1e12, 32)).toThrow('1,000,000,000,000 pictures of 32x32 pixels take');
  expect(() => assertFitInMemory(1e12, 96)).toThrow(/ GB\. Train on fewer, or on a machine/);
});
