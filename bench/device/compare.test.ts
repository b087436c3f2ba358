import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { distanceBetween, type Taken } from './compare.ts';

/** Two weights, `a` of two values and `b` of one, that began at 0, 0 and 1. */
async function taken(folder: string, trained: readonly number[], loss = 2): Promise<Taken> {
  const file = join(folder, String(trained));
  await writeFile(file, new Uint8Array(Float32Array.of(0, 0, 1, ...trained).buffer));
  const weights = [
    { name: 'a', length: 2 },
    { name: 'b', length: 1 },
  ];
  return { description: '', losses: [loss], digest: String(trained), weights, file };
}

test('the distance of two trainings is a share of the way that the weights went', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'compare-'));
  const reference = await taken(folder, [3, 4, 1]); // 5 away
  expect(distanceBetween(reference, reference)).toMatchObject({ weights: 0, firstLoss: 0, isSameBits: true });
  expect(distanceBetween(reference, await taken(folder, [3, 4.5, 1], 2.2))).toEqual({
    weights: 0.1,
    firstLoss: expect.closeTo(0.1),
    worst: { name: 'a', share: 0.1 },
    isSameBits: false,
    isFinite: true,
  });
  const moved = distanceBetween(reference, await taken(folder, [3, 4, 2]));
  expect(moved).toMatchObject({ weights: 0.2, worst: { name: 'b', share: 1 } });
  expect(distanceBetween(reference, await taken(folder, [3, Number.NaN, 1])).isFinite).toBe(false);
  await rm(folder, { recursive: true });
});
