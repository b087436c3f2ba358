import { describe, expect, test } from 'vitest';
import { random } from '../random/random.ts';
import { interval95, measure, topAccuracy, topClasses, worstMistakes } from './measure.ts';

test('topClasses takes the first of equal logits, negative ones included', () => {
  expect([...topClasses(Float32Array.of(-3, -1, -1, 5, 5, 4), 3)]).toEqual([1, 0]);
});

test.each([
  // From the formula in Wilson 1927, worked by hand for 81 of 263 (Newcombe 1998, table I).
  [81 / 263, 263, 0.2553, 0.3662],
  [0, 10, 0, 0.2775],
  [1, 10, 0.7225, 1],
])('interval95 of %d over %d images', (accuracy, size, low, high) => {
  expect(interval95(accuracy, size)).toEqual([expect.closeTo(low, 4), expect.closeTo(high, 4)]);
});

test('interval95 contains the accuracy, of few and of many images', () => {
  for (let images = 1; images < 500; images++) {
    for (const right of [0, 1, images - 1, images]) {
      const [low, high] = interval95(right / images, images);
      expect(low).toBeLessThanOrEqual(right / images);
      expect(high).toBeGreaterThanOrEqual(right / images);
    }
  }
});

describe('topAccuracy', () => {
  test('counts a class that is among the best k', () => {
    const logits = Float32Array.of(3, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1, 0);
    const labels = Uint8Array.of(0, 1, 3);
    expect([1, 2, 3, 4].map((k) => topAccuracy(logits, labels, k))).toEqual([1 / 3, 2 / 3, 2 / 3, 1]);
  });

  test('gives a network with equal logits no more than chance', () => {
    const labels = Uint8Array.from({ length: 700 }, (_, image) => image % 7);
    expect(topAccuracy(new Float32Array(700 * 7), labels, 5)).toBe(5 / 7);
  });
});

describe.each([2, 3, 7, 10, 100])('measured on %d classes', (classes) => {
  const draw = random(classes);
  const count = 50 * classes;
  const labels = Uint8Array.from({ length: count }, (_, image) => image % classes);
  const logits = Float32Array.from({ length: count * classes }, (_, at) => {
    const isLabel = at % classes === labels[Math.floor(at / classes)];
    return draw.normal() + (isLabel ? 2 : 0);
  });
  const measured = measure(logits, labels, { classes, temperature: 0.5 });

  test('every figure agrees with the others', () => {
    const { plain, perClass, confusion, top, interval95: interval } = measured;
    expect(confusion.flat().reduce((sum, each) => sum + each, 0)).toBe(count);
    expect(confusion.reduce((sum, row, label) => sum + row[label]!, 0)).toBe(Math.round(plain * count));
    expect(perClass.reduce((sum, each) => sum + each, 0) / classes).toBeCloseTo(plain, 10);
    expect(top.accuracy).toBeGreaterThanOrEqual(plain);
    expect(top.k).toBe(classes === 2 ? 1 : Math.min(5, classes - 1));
    expect(interval[0]).toBeLessThan(plain);
    expect(interval[1]).toBeGreaterThan(plain);
    for (const { bins } of Object.values(measured.calibration)) {
      expect(bins.reduce((sum, { images }) => sum + images, 0)).toBe(count);
      expect(bins.reduce((sum, { images, accuracy }) => sum + images * accuracy, 0)).toBeCloseTo(plain * count, 6);
    }
  });
});

test('answers may be of more classes than a byte has values', () => {
  const labels = Uint16Array.from({ length: 600 }, (_, image) => image % 300);
  const logits = new Float32Array(600 * 300);
  for (const [image, label] of labels.entries()) logits[image * 300 + label] = 1;
  expect(topClasses(logits, 300)).toEqual(labels);
  expect(measure(logits, labels, { classes: 300 })).toMatchObject({ plain: 1, top: { accuracy: 1 } });
});

test('the worst mistakes gave the correct class the lowest probability', () => {
  const answers = Float64Array.of(0.1, 0.6, 0.3, 0.7, 0.2, 0.1, 0.01, 0.09, 0.9);
  expect(worstMistakes(answers, Uint8Array.of(2, 0, 0), 5)).toEqual([
    { image: 2, label: 0, answer: 2, confidence: 0.9, forLabel: 0.01 },
    { image: 0, label: 2, answer: 1, confidence: 0.6, forLabel: 0.3 },
  ]);
  expect(worstMistakes(answers, Uint8Array.of(2, 0, 0), 1)).toHaveLength(1);
});
