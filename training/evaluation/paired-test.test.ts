import { describe, expect, test } from 'vitest';
import { random } from '../random/random.ts';
import { pairedTest } from './paired-test.ts';

/** Answers to images of class 1, right or wrong as often as is asked for. */
function answers(bothRight: number, onlyFirst: number, onlySecond: number, bothWrong: number) {
  const blocks = [
    [1, 1, bothRight],
    [1, 0, onlyFirst],
    [0, 1, onlySecond],
    [0, 0, bothWrong],
  ] as const;
  const column = (which: 0 | 1) => Uint8Array.from(blocks.flatMap((block) => new Array(block[2]).fill(block[which])));
  const labels = new Uint8Array(bothRight + onlyFirst + onlySecond + bothWrong).fill(1);
  return [column(0), column(1), labels] as const;
}

describe('the paired test', () => {
  test.each([
    // 2 · Σ C(n, i) / 2ⁿ in fractions, which no rounding touches.
    [1, 1, 1],
    [0, 5, 0.0625],
    [2, 8, 0.109375],
    [5, 20, 0.004077315330505371],
    [150, 200, 0.008720036530555949],
    [400, 500, 0.0009564441369189461],
    [0, 0, 1],
  ])('of %i and %i images that only one gets right', (onlyFirst, onlySecond, pValue) => {
    const test = pairedTest(...answers(1000, onlyFirst, onlySecond, 100));
    expect(test.pValue).toBeCloseTo(pValue, 6);
    expect(test.difference).toBeCloseTo((onlySecond - onlyFirst) / test.images, 12);
    expect(test).toMatchObject({ bothRight: 1000, onlyFirst, onlySecond, bothWrong: 100 });
  });

  test('says the same of the two in the other order, but for the sign', () => {
    const [first, second, labels] = answers(800, 30, 55, 115);
    const [there, back] = [pairedTest(first, second, labels), pairedTest(second, first, labels)];
    expect(back.difference).toBe(-there.difference);
    expect(back.pValue).toBe(there.pValue);
    expect(back.interval95).toEqual([expect.closeTo(-there.interval95[1]), expect.closeTo(-there.interval95[0])]);
  });

  test('of a network with itself finds nothing, and no certainty either', () => {
    const { difference, pValue, interval95 } = pairedTest(...answers(850, 0, 0, 150));
    expect({ difference, pValue }).toEqual({ difference: 0, pValue: 1 });
    expect(interval95[0]).toBeLessThan(0);
    expect(interval95[1]).toBeGreaterThan(0);
  });

  test('stays finite for more images than a factorial can', () => {
    const { pValue } = pairedTest(...answers(0, 30_000, 31_000, 0));
    expect(pValue).toBeGreaterThan(1e-5);
    expect(pValue).toBeLessThan(1e-4);
  });

  test('takes chance for progress in at most 5 of 100 cases, and its interval holds the truth in 95', () => {
    // GIVEN 1,000 pairs of networks; the second is right in 2 of 100 images more
    const draw = random(11);
    const [images, repetitions, truth] = [400, 1_000, 0.02];
    const labels = new Uint8Array(images).fill(1);
    let held = 0;
    let alarms = 0;
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const pair = (more: number) => {
        const first = new Uint8Array(images);
        const second = new Uint8Array(images);
        for (let image = 0; image < images; image++) {
          const drawn = draw.uniform();
          first[image] = drawn < 0.78 ? 1 : 0; //                                  78 % right
          second[image] = drawn < 0.7 || (drawn >= 0.78 && drawn < 0.86 + more) ? 1 : 0; // 78 % and `more`
        }
        return pairedTest(first, second, labels);
      };
      const [low, high] = pair(truth).interval95;
      if (low <= truth && truth <= high) held++;
      if (pair(0).pValue < 0.05) alarms++;
    }
    expect(held / repetitions).toBeGreaterThan(0.93);
    expect(alarms / repetitions).toBeLessThan(0.06);
  });
});
