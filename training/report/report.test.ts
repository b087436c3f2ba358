import { decode } from 'fast-png';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../data/dataset.ts';
import type { HistoryRow } from '../history.ts';
import { smallDataset } from '../small-dataset.fixture.ts';
import { confusionMatrix } from './confusion.ts';
import { curves } from './curves.ts';
import { classGrid, sampleGrid } from './pictures.ts';

let data: Dataset;
beforeAll(async () => {
  data = await smallDataset(1_000, 100);
}, 300_000);

const row = (step: number, validated: boolean): HistoryRow => ({
  step,
  epoch: step / 10,
  loss: 2.3 / step,
  learningRate: 0.1,
  validation: validated ? { accuracy: 1 - 1 / step, loss: 2 / step } : null,
  trainingSeconds: step,
});

/** The pictures within a picture, in order, with their titles. */
function imagesIn(svg: string): { readonly title: string; readonly pixels: Uint8Array }[] {
  return [...svg.matchAll(/href="data:image\/png;base64,([^"]+)"><title>([^<]*)</g)].map(([, png, title]) => ({
    title: title!,
    pixels: Uint8Array.from(decode(Buffer.from(png!, 'base64')).data),
  }));
}

describe('the grid of classes', () => {
  test('shows ten images of each class, unchanged, and other ones for another seed', () => {
    const shown = imagesIn(classGrid(data, 1));
    expect(shown).toHaveLength(100);
    expect(shown.map(({ title }) => title)).toEqual(data.classes.flatMap((name) => new Array(10).fill(name)));
    // Every one is among the training images, under its own class.
    const known = new Map<string, number>();
    for (let image = 0; image < data.train.count; image++) {
      known.set(data.train.images.subarray(image * 3072, (image + 1) * 3072).join(), data.train.labels[image]!);
    }
    for (const { title, pixels } of shown) expect(data.classes[known.get(pixels.join())!]).toBe(title);
    expect(classGrid(data, 1)).toBe(classGrid(data, 1));
    expect(classGrid(data, 2)).not.toBe(classGrid(data, 1));
  });
});

describe('the random test images', () => {
  test('are 24, with the answer beside those that were taken for another', () => {
    const right = sampleGrid(data, Uint8Array.from(data.test.labels), 1);
    expect(imagesIn(right)).toHaveLength(24);
    expect(right).not.toContain('#dc2626');
    const wrong = sampleGrid(
      data,
      data.test.labels.map((label) => (label + 1) % 10),
      1,
    );
    expect(wrong.match(/#dc2626/g)).toHaveLength(24);
  });
});

describe('the confusion matrix', () => {
  test('has every count in its place, and names that need escaping do no harm', () => {
    const svg = confusionMatrix(
      'a & b',
      ['<cat>', 'dog'],
      [
        [7, 3],
        [0, 5],
      ],
    );
    expect(svg).toContain('&lt;cat&gt;');
    expect(svg).not.toContain('<cat>');
    expect([...svg.matchAll(/>(\d+)<\/text>/g)].map(([, count]) => count)).toEqual(['7', '3', '5']);
    expect(svg).toContain('70.0 %');
  });
});

describe('the curves', () => {
  test('stay within the picture, and label the axes with different numbers', () => {
    const svg = curves({
      title: 'quick',
      history: Array.from({ length: 30 }, (_, index) => row(index + 1, (index + 1) % 10 === 0)),
      test: { plain: 0.9 },
    });
    for (const [, path] of svg.matchAll(/ d="([^"]+)"/g)) {
      for (const [, x, y] of path!.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)) {
        expect(Number(x)).toBeGreaterThanOrEqual(60);
        expect(Number(x)).toBeLessThanOrEqual(950);
        expect(Number(y)).toBeGreaterThanOrEqual(70);
        expect(Number(y)).toBeLessThanOrEqual(340);
      }
    }
    const labels = [...svg.matchAll(/>(\d+ %)<\/text>/g)].map(([, label]) => label);
    expect(labels.length).toBeGreaterThanOrEqual(3);
    expect(new Set(labels).size).toBe(labels.length);
    expect(svg).not.toContain('NaN');
  });

  test.each([
    ['one point', [row(1, true)]],
    ['nothing held out', [row(1, false), row(2, false)]],
  ])('are drawn of %s', (_, history) => {
    const svg = curves({ title: 'short', history, test: { plain: 0.1 } });
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
});
