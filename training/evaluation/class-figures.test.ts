import { describe, expect, test } from 'vitest';
import { averagesOf, classFigures, topConfusions } from './class-figures.ts';
import { fewImages } from './few-images.ts';
import { topClasses } from './measure.ts';
import { ranking } from './ranking.ts';

describe('the example of scikit-learn’s classification_report', () => {
  const figures = classFigures(Uint8Array.of(0, 0, 2, 2, 1), Uint8Array.of(0, 1, 2, 2, 2), 4);

  test('has its figures; a class that nobody has or answers does not count', () => {
    expect(figures.map(({ support, answers }) => [support, answers])).toEqual([
      [1, 2],
      [1, 1],
      [3, 2],
      [0, 0],
    ]);
    expect(figures.map(({ precision, recall, f1 }) => [precision, recall, f1])).toEqual([
      [0.5, 1, 2 / 3],
      [0, 0, 0],
      [1, 2 / 3, 0.8],
      [0, 0, 0],
    ]);
    const { macro, weighted } = averagesOf(figures);
    expect(macro).toEqual({ precision: 0.5, recall: expect.closeTo(0.56, 2), f1: expect.closeTo(0.49, 2) });
    expect(weighted).toEqual({ precision: 0.7, recall: expect.closeTo(0.6, 12), f1: expect.closeTo(0.61, 2) });
  });
});

describe('sixty images of four classes, with many equal scores', () => {
  const labels = Uint8Array.from({ length: 60 }, (_, image) => (image ** 2 + Math.floor(image / 7)) % 4);
  const scores = Float64Array.from({ length: 240 }, (_, at) => {
    const [image, label] = [Math.floor(at / 4), at % 4];
    return (((image * 37 + label ** 2 * 11 + image * label * 5) % 23) + (labels[image] === label ? 9 : 0)) / 32;
  });
  const rounded = (values: readonly number[]) => values.map((value) => Number(value.toFixed(10)));

  test('have the figures that scikit-learn 1.9.1 gives', () => {
    const figures = classFigures(topClasses(Float32Array.from(scores), 4), labels, 4);
    expect(figures.map(({ support }) => support)).toEqual([18, 14, 16, 12]);
    expect(figures.map(({ precision }) => precision)).toEqual([0.6, 0.5, 11 / 19, 0.3]);
    expect(rounded(figures.map(({ f1 }) => f1))).toEqual([0.5454545455, 0.5333333333, 0.6285714286, 0.2727272727]);
    const { macro, weighted } = averagesOf(figures);
    expect(rounded(Object.values(macro))).toEqual([0.4947368421, 0.5022321429, 0.495021645]);
    expect(rounded(Object.values(weighted))).toEqual([0.5110526316, 0.5166666667, 0.5102453102]);
  });

  test('have the areas under the curves that scikit-learn 1.9.1 gives', () => {
    const { perClass, macro, micro } = ranking(scores, labels, 4)!;
    expect(rounded(perClass.map((each) => each!.auc))).toEqual([
      0.6779100529, 0.8245341615, 0.8991477273, 0.7447916667,
    ]);
    expect(rounded([macro.auc, micro.auc])).toEqual([0.7865959021, 0.7950462963]);
    expect(rounded(perClass.map((each) => each!.averagePrecision))).toEqual([
      0.5332284798, 0.6597744361, 0.7949179293, 0.4972024313,
    ]);
    expect(rounded([macro.averagePrecision, micro.averagePrecision])).toEqual([0.6212808191, 0.6256961041]);
    const at = (x: number) => perClass[0]!.roc.find((point) => point[0] === x)![1];
    expect(rounded([at(0.1), at(0.25), at(0.5)])).toEqual([0.2222222222, 0.4444444444, 0.7222222222]);
  });
});

test('curves begin and end where they must, and a class without images has none', () => {
  const labels = Uint8Array.of(0, 0, 1, 1);
  const answers = Float64Array.of(0.9, 0.1, 0, 0.6, 0.4, 0, 0.3, 0.7, 0, 0.2, 0.8, 0);
  const { perClass, macro } = ranking(answers, labels, 3)!;
  expect(perClass[2]).toBeUndefined();
  expect(macro.auc).toBe(1);
  for (const { roc, precisionRecall } of [perClass[0]!, macro]) {
    expect([roc[0], roc.at(-1)]).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(precisionRecall.every(([, precision]) => precision === 1)).toBe(true);
  }
  expect(ranking(answers, Uint8Array.of(0, 0, 0, 0), 3)).toBeUndefined();
});

test('the most frequent confusions come first', () => {
  const labels = Uint16Array.of(300, 300, 300, 1, 1, 1, 2);
  const answers = Uint16Array.of(1, 1, 300, 2, 2, 2, 2);
  expect(topConfusions(answers, labels, 5)).toEqual([
    { label: 1, answer: 2, images: 3 },
    { label: 300, answer: 1, images: 2 },
  ]);
});

test('few images are said to say little, many are not', () => {
  const of = (support: number) => ({ support, answers: support, precision: 0.5, recall: 0.5, f1: 0.5 });
  expect(fewImages([of(10), of(12), of(0)])).toEqual([
    expect.stringContaining('With 10 test images, the recall of a typical class is known to within 26 points only'),
    'Nothing is known of 1 class without test images.',
  ]);
  expect(fewImages([of(1000), of(900)])).toEqual([]);
});
