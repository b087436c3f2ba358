import { describe, expect, test } from 'vitest';
import { random } from '../random/random.ts';
import { crossEntropy, fitTemperature, probabilities } from './temperature.ts';

describe('crossEntropy', () => {
  test('is the negative logarithm of what the right class was given', () => {
    const logits = Float32Array.from([0.2, 0.3, 0.5, 0.9, 0.05, 0.05], Math.log);
    expect(crossEntropy(logits, Uint8Array.of(2, 1))).toBeCloseTo(-(Math.log(0.5) + Math.log(0.05)) / 2, 6);
  });

  test('stays finite where exponentials do not', () => {
    expect(crossEntropy(Float32Array.of(1000, 0, -1000), Uint8Array.of(1))).toBeCloseTo(1000);
  });
});

describe('probabilities', () => {
  test('sum to one, and are flatter the higher the temperature', () => {
    const logits = Float32Array.of(2, 0, -2, 500, 0, 0);
    const [cold, warm] = [probabilities(logits, 3, 0.5), probabilities(logits, 3, 2)];
    for (const answers of [cold, warm]) {
      expect(answers[0]! + answers[1]! + answers[2]!).toBeCloseTo(1, 12);
      expect([...answers.subarray(3)]).toEqual([1, 0, 0].map((value) => expect.closeTo(value, 12)));
    }
    expect(cold[0]).toBeGreaterThan(warm[0]!);
    expect(warm[0]).toBeCloseTo(Math.E / (Math.E + 1 + 1 / Math.E), 6);
  });
});

describe('fitTemperature', () => {
  test.each([0.25, 1, 4])('finds the temperature %d that labels were drawn at', (temperature) => {
    // GIVEN labels which a network with these logits is right about exactly as often as its probabilities say
    const draw = random(1);
    const logits = Float32Array.from({ length: 20_000 * 4 }, () => 2 * draw.normal());
    const answers = probabilities(logits, 4, temperature);
    const labels = Uint8Array.from({ length: 20_000 }, (_, image) => {
      let left = draw.uniform();
      for (const label of [0, 1, 2]) {
        left -= answers[image * 4 + label]!;
        if (left < 0) return label;
      }
      return 3;
    });
    const found = fitTemperature(logits, labels);
    expect(found / temperature).toBeGreaterThan(0.93);
    expect(found / temperature).toBeLessThan(1.07);
    expect(crossEntropy(logits, labels, found)).toBeLessThanOrEqual(crossEntropy(logits, labels, temperature));
  });
});
