import { describe, expect, test } from 'vitest';
import type { Split } from '../data/dataset.ts';
import { views } from '../data/views.ts';
import { random } from '../random/random.ts';
import {
  evaluate,
  evaluatePlainly,
  evaluateSelectively,
  logitsOf,
  meanLogitsOf,
  selectiveAnswers,
  viewsOf,
} from './evaluate.ts';
import { agreement, topClasses } from './measure.ts';

/** 1,203 pictures of two rows and two columns: more than two chunks, and a short last one. */
const count = 1_203;
const images = Uint8Array.from({ length: count * 4 }, (_, at) => (at * 37) % 251);
/** A network that says 1 where the upper left pixel is brighter than the upper right one, and is sure by the difference. */
const predict = (batch: Uint8Array) =>
  Float32Array.from({ length: batch.length / 2 }, (_, at) => {
    const image = Math.floor(at / 2) * 4;
    return at % 2 === 1 ? batch[image]! - batch[image + 1]! : 0;
  });
const truth = Uint8Array.from({ length: count }, (_, image) => (images[image * 4]! > images[image * 4 + 1]! ? 1 : 0));
const options = { imageSize: [2, 2, 1], classes: 2 } as const;

describe('evaluate', () => {
  test('counts every image once, the short last chunk included', async () => {
    // GIVEN labels of which the network gets all right, but for every tenth
    const labels = truth.map((label, image) => (image % 10 === 0 ? 1 - label : label));
    const split: Split = { count, images, labels };

    const evaluation = await evaluate(predict, split, options);

    const wrong = Math.ceil(count / 10);
    expect(evaluation.images).toBe(count);
    expect(evaluation.plain).toBe((count - wrong) / count);
    const [[zeros = 0, falseOnes = 0] = [], [falseZeros = 0, ones = 0] = []] = evaluation.confusion;
    expect(zeros + ones).toBe(count - wrong);
    expect(falseOnes + falseZeros).toBe(wrong);
    expect(evaluation.logits).toEqual(predict(images));
  });

  test('with augmentation, an image and its mirror get the same answer', async () => {
    // This network contradicts itself about a mirrored image: over both, every image is a tie, which class 0 takes.
    const { tta } = await evaluate(predict, { count, images, labels: truth }, options);
    expect(tta).toBe(agreement(new Uint8Array(count), truth));
  });

  test('with augmentation of the least sure alone, counts every image once, each with one of its two answers', async () => {
    const draw = random(1);
    const varied = Uint8Array.from(images, () => draw.integer(256));
    const labels = truth.map((_, image) => (varied[4 * image]! > varied[4 * image + 1]! ? 1 : 0));
    const split: Split = { count, images: varied, labels };
    const asked: number[] = [];
    const counting = (batch: Uint8Array) => {
      asked.push(batch.length / 4);
      return predict(batch);
    };
    const done: number[] = [];
    const evaluation = await evaluateSelectively(counting, split, {
      ...options,
      onProgress: (share) => done.push(share),
    });

    // One view of all images, and five more of a quarter, rounded up.
    const unsure = Math.ceil(count / 4);
    expect(asked.reduce((sum, each) => sum + each, 0)).toBe(count + 5 * unsure);
    expect([done, done.at(-1)]).toEqual([done.toSorted((one, other) => one - other), 1]);
    const { plain, tta } = await evaluate(predict, split, options);
    expect(evaluation).toMatchObject({ images: count, plain });
    // The network is right about every plain image, and all is a tie over the views, which class 0 takes: so of the least
    // sure those count as right that are zeros.
    const margin = (image: number) => Math.abs(varied[4 * image]! - varied[4 * image + 1]!);
    const sorted = Array.from(labels.keys()).sort((one, other) => margin(one) - margin(other) || one - other);
    const wrong = sorted.slice(0, unsure).filter((image) => labels[image] === 1).length;
    expect(wrong).toBeGreaterThan(0);
    expect(evaluation.selectiveTta).toBe((count - wrong) / count);
    const answered = await viewsOf(predict, split, options);
    for (const [share, expected] of [
      [0, plain],
      [1, tta],
    ] as const) {
      expect(agreement(selectiveAnswers(answered, 2, share), labels)).toBe(expected);
    }
  });

  test('without augmentation, is asked once for every image', async () => {
    let asked = 0;
    const counting = (batch: Uint8Array) => {
      asked += batch.length / 4;
      return predict(batch);
    };
    const evaluation = await evaluatePlainly(counting, { count, images, labels: truth }, options);
    expect([evaluation.plain, evaluation.tta, asked]).toEqual([1, undefined, count]);
  });

  test('stops when it is aborted', async () => {
    const signal = AbortSignal.abort('SIGTERM');
    await expect(evaluate(predict, { count, images, labels: truth }, { ...options, signal })).rejects.toBe('SIGTERM');
  });
});

test('logitsOf returns what one call with all images would', async () => {
  expect(await logitsOf(predict, { count, images, labels: truth }, 2)).toEqual(predict(images));
});

describe('meanLogitsOf', () => {
  const split: Split = { count, images, labels: truth };

  test('of the image alone are its logits; of a mirror image too, the mean of both', async () => {
    const plain = await meanLogitsOf(predict, split, { of: views.plain, ...options });
    expect(plain).toEqual(predict(images));
    // The network says the opposite of a mirror image.
    const mirrored = await meanLogitsOf(predict, split, { of: views.mirrored, ...options });
    expect(mirrored).toEqual(new Float32Array(2 * count));
  });

  test('of six views give the accuracy with augmentation that evaluate gives', async () => {
    const lopsided = (batch: Uint8Array) =>
      predict(batch).map((logit, at) => (batch[2 * at]! > 125 ? 2 * logit : logit));
    const six = await meanLogitsOf(lopsided, split, { of: views.six, ...options });
    const { plain, tta } = await evaluate(lopsided, split, options);
    expect(agreement(topClasses(six, 2), truth)).toBe(tta);
    expect(tta).not.toBe(plain);
  });

  test.each(Object.entries(views))('the views of %s count as much as one image', (_, of) => {
    expect(of.reduce((sum, { weight }) => sum + weight, 0)).toBe(1);
  });
});
