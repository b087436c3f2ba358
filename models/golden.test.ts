import { describe, expect, it } from 'vitest';
import { exampleCard, exampleVersion } from './example-version.ts';
import { Golden, goldenDifference, goldenPixels, goldenProblem } from './golden.ts';
import { decodeJson } from './json.ts';

const golden = decodeJson(Golden, exampleVersion().get('golden.json') ?? new Uint8Array(), 'golden.json');
const answers = golden.images.flatMap(({ probabilities }) => probabilities);

describe('golden vectors', () => {
  it('are one batch of pixels, in their order', () => {
    const pixels = goldenPixels(golden);
    expect(pixels).toHaveLength(3 * 3072);
    expect([...pixels.subarray(3072, 2 * 3072)]).toEqual([...Buffer.from(golden.images[1]?.pixels ?? '', 'base64')]);
  });

  it('are answered with the largest difference of any probability', () => {
    expect(goldenDifference(golden, answers)).toBe(0);
    expect(goldenDifference(golden, Float32Array.from(answers))).toBeLessThan(1e-7);
    expect(goldenDifference(golden, answers.with(4, (answers[4] ?? 0) - 0.25))).toBeCloseTo(0.25);
  });

  it('are not answered if an answer is missing, too much, or not a number', () => {
    for (const wrong of [[], answers.slice(1), [...answers, 0], answers.with(0, Number.NaN)]) {
      expect(goldenDifference(golden, wrong)).toBe(Number.POSITIVE_INFINITY);
    }
  });

  it('must fit the card', () => {
    const card = exampleCard();
    const [image] = golden.images;
    const withImage = (change: Partial<Golden['images'][number]>): Golden => ({
      ...golden,
      images: [{ ...image!, ...change }],
    });
    expect(goldenProblem(golden, card)).toBeUndefined();
    expect(goldenProblem(withImage({ pixels: 'AAAA' }), card)).toBe('images.0.pixels has 3 bytes instead of 3072');
    expect(goldenProblem(withImage({ label: 'ship' }), card)).toBe('images.0.label is not a class: ship');
    expect(goldenProblem(withImage({ probabilities: [1] }), card)).toContain('1 members for 2 classes');
  });
});
