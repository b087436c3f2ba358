import { describe, expect, test } from 'vitest';
import { compareWithGuessing } from './guessing.ts';

/** So many images of each class, of which so many are answered correctly. */
function answered(perClass: readonly number[], right: number) {
  const labels = Uint8Array.from(perClass.flatMap((count, label) => new Array<number>(count).fill(label)));
  const answers = labels.map((label, image) => (image < right ? label : (label + 1) % perClass.length));
  return compareWithGuessing(answers, labels);
}

/** Of `images` throws that hit with a probability of `share`, at least `right`: term by term, in whole numbers. */
function exactTail(images: number, right: number, [hit, of]: readonly [number, number]): number {
  let term = 1n;
  let sum = 0n;
  for (let hits = images; hits >= right; hits--) {
    sum += term * BigInt(hit) ** BigInt(hits) * BigInt(of - hit) ** BigInt(images - hits);
    term = (term * BigInt(hits)) / BigInt(images - hits + 1);
  }
  const digits = 10n ** 18n;
  return Number((sum * digits) / BigInt(of) ** BigInt(images)) / 1e18;
}

describe('compared with guessing', () => {
  test.each([
    [[10, 10, 10, 10, 10], 16],
    [[10, 10, 10, 10, 10], 17],
    [[30, 10, 10], 38],
    [[1, 3], 4],
    [[7, 7], 0],
  ])('%j with %i right have the probability of the exact binomial test', (perClass, right) => {
    const { pValue, images, guessed } = answered(perClass, right);
    const [all, most] = [perClass.reduce((sum, count) => sum + count, 0), Math.max(...perClass)];
    expect({ images, guessed }).toEqual({ images: all, guessed: most });
    expect(pValue).toBeCloseTo(exactTail(all, right, [most, all]), 12);
  });

  test.each([
    // CIFAR-10's held-out images: 1 % of guesses get 551 of 5,000 right.
    [new Array<number>(10).fill(500), 551, true],
    [new Array<number>(10).fill(500), 549, false],
    [new Array<number>(10).fill(500), 500, false],
    [new Array<number>(10).fill(500), 0, false],
    // A class of nine tenths: 90 % is what always answering it gets.
    [[900, 100], 900, false],
    [[900, 100], 925, true],
    // So few that a good network could not be told from guesses; what is told is told.
    [[4, 4], 7, 'unknown'],
    [[4, 4], 8, true],
    [[2, 1], 3, 'unknown'],
    [new Array<number>(8).fill(2), 3, 'unknown'],
    [[40], 40, 'unknown'],
    [[1, 0], 1, 'unknown'],
  ] as const)('of %j images, %i right: better is %s', (perClass, right, isBetter) => {
    expect(answered(perClass, right).isBetter).toBe(isBetter);
  });

  test('the same answer to everything is a guess, whichever class it is', () => {
    const labels = Uint8Array.from({ length: 500 }, (_, image) => (image % 7 === 0 ? 2 : image % 3));
    for (const always of [0, 1, 2]) {
      const { isBetter, mostFrequent } = compareWithGuessing(labels.slice().fill(always), labels);
      expect({ isBetter, mostFrequent }).toEqual({ isBetter: false, mostFrequent: 2 });
    }
  });
});
