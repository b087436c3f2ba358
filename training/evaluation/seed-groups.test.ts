import { describe, expect, test } from 'vitest';
import { random } from '../random/random.ts';
import { pairedTest } from './paired-test.ts';
import { compareGroups, type SeededRun, summarize } from './seed-groups.ts';

interface Truth {
  readonly seeds: number;
  readonly images: number;
  /** By how much the second recipe is better. */
  readonly difference?: number;
  /** By how much at most the advantage varies from seed to seed, and from image to image. */
  readonly spread?: { readonly seeds: number; readonly images: number };
}

/** Runs of two recipes on the same images, of which some are harder than others. */
function draw(key: number, { seeds, images, difference = 0, spread = { seeds: 0, images: 0 } }: Truth) {
  const dice = random(key);
  const difficulty = Float64Array.from({ length: images }, () => 0.35 + 0.3 * dice.uniform());
  const affinity = Float64Array.from({ length: images }, () => spread.images * (2 * dice.uniform() - 1));
  const groups: [SeededRun[], SeededRun[]] = [[], []];
  for (let seed = 1; seed <= seeds; seed++) {
    const luck = spread.seeds * (2 * dice.uniform() - 1);
    for (const [which, group] of groups.entries()) {
      const correct = Uint8Array.from(difficulty, (right, image) =>
        dice.uniform() < right + which * (difference + luck + affinity[image]!) ? 1 : 0,
      );
      group.push({ seed, correct });
    }
  }
  return groups;
}

describe('the summary of a group', () => {
  test('is what SciPy says of the same accuracies', () => {
    // numpy.std(ddof=1); scipy.stats.t.interval(0.95, 4, mean, scipy.stats.sem), SciPy 1.17.1
    const { runs, mean, deviation, min, max, interval95 } = summarize([0.9312, 0.9287, 0.933, 0.9295, 0.9301]);
    expect({ runs, min, max }).toEqual({ runs: 5, min: 0.9287, max: 0.933 });
    expect(mean).toBeCloseTo(0.9305, 12);
    expect(deviation).toBeCloseTo(0.0016688319268278928, 12);
    expect(interval95).toEqual([expect.closeTo(0.9284278714774049, 10), expect.closeTo(0.9325721285225953, 10)]);
  });

  test('of one run has no spread and no interval', () => {
    expect(summarize([0.9])).toEqual({ runs: 1, mean: 0.9, min: 0.9, max: 0.9 });
  });
});

describe('two groups compared', () => {
  test.each([
    // statsmodels 0.15.0: anova_lm(ols('d ~ C(seed) + C(image)')); SciPy 1.17.1: scipy.stats.t.
    {
      key: 11,
      seeds: 4,
      images: 60,
      truth: 0.1,
      varies: 0.1,
      p: 0.4962565577934972,
      low: -0.20808930942918,
      high: 0.341422642762514,
    },
    {
      key: 12,
      seeds: 3,
      images: 200,
      truth: 0.05,
      varies: 0.1,
      p: 0.675431198200949,
      low: -0.065303636762347,
      high: 0.091970303429014,
    },
    {
      key: 14,
      seeds: 6,
      images: 90,
      truth: 0.1,
      varies: 0.2,
      p: 0.3163067037573385,
      low: -0.072933909744275,
      high: 0.187748724559089,
    },
  ])(
    'with $seeds seeds are as statsmodels and SciPy compare them',
    ({ key, seeds, images, truth, varies, p, low, high }) => {
      const groups = draw(key, { seeds, images, difference: truth, spread: { seeds: varies, images: 0.2 } });
      const { pValue, interval95, covers } = compareGroups(...groups)!;
      expect(pValue).toBeCloseTo(p, 10);
      expect(interval95).toEqual([expect.closeTo(low, 10), expect.closeTo(high, 10)]);
      expect(covers).toBe('seeds and images');
    },
  );

  test('pair the seeds that both have, in any order, and no others', () => {
    const [first, second] = draw(1, { seeds: 4, images: 100, difference: 0.1 });
    const all = compareGroups(first, second)!;
    const more = { seed: 9, correct: new Uint8Array(100) };
    expect(compareGroups([more, ...first.toReversed()], second)).toEqual(all);
    expect(all.seeds).toEqual([1, 2, 3, 4]);
    expect(compareGroups(first, [more])).toBeUndefined();
  });

  test('say the same in the other order, but for the sign', () => {
    const [first, second] = draw(2, { seeds: 3, images: 200, difference: 0.05 });
    const [there, back] = [compareGroups(first, second)!, compareGroups(second, first)!];
    expect(back.difference).toBe(-there.difference);
    expect(back.pValue).toBeCloseTo(there.pValue, 14);
    expect(back.interval95).toEqual([expect.closeTo(-there.interval95[1]), expect.closeTo(-there.interval95[0])]);
  });

  test('of one seed each are the paired test of two networks', () => {
    const [[first], [second]] = draw(3, { seeds: 1, images: 300, difference: 0.1 });
    const { difference, interval95, pValue } = pairedTest(first!.correct, second!.correct, new Uint8Array(300).fill(1));
    const compared = compareGroups([first!], [second!]);
    expect(compared).toEqual({ seeds: [1], images: 300, difference, interval95, pValue, covers: 'images' });
  });

  test('of the same runs do not differ', () => {
    const [runs] = draw(4, { seeds: 3, images: 50 });
    expect(compareGroups(runs, runs)).toMatchObject({ difference: 0, interval95: [0, 0], pValue: 1 });
  });

  test('on other images are refused', () => {
    const [first] = draw(5, { seeds: 2, images: 50 });
    const [second] = draw(5, { seeds: 2, images: 51 });
    expect(() => compareGroups(first, second)).toThrow(RangeError);
  });

  test.each([
    { what: 'the seeds', spread: { seeds: 0.1, images: 0 }, seeds: 5 },
    { what: 'the images', spread: { seeds: 0, images: 0.2 }, seeds: 3 },
    { what: 'both', spread: { seeds: 0.1, images: 0.2 }, seeds: 5 },
  ])('hold the truth in 95 of 100 repetitions, where $what differ', ({ spread, seeds }) => {
    const [repetitions, difference] = [300, 0.02];
    let held = 0;
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const [low, high] = compareGroups(
        ...draw(100 + repetition, { seeds, images: 200, difference, spread }),
      )!.interval95;
      if (low <= difference && difference <= high) held++;
    }
    expect(held / repetitions).toBeGreaterThan(0.93);
  });
});
