import { expect, test } from 'vitest';
import { withEndpoint } from '#inference/app.fixture.ts';
import { examplePixels } from '#inference/serving/example-model.fixture.ts';
import { servedAnswers } from './served-answers.ts';

test('images of 96 pixels are asked for in as many requests as their bodies allow', () =>
  withEndpoint(async ({ url, promote, logged }) => {
    const version = await promote({ classes: ['a', 'b', 'c'], size: 96 });
    const count = 70;
    const images = Uint8Array.from(Buffer.concat(Array.from({ length: count }, (_, seed) => examplePixels(seed, 96))));
    const labels = new Uint8Array(count);
    const progress: number[] = [];
    const answers = await servedAnswers(
      { url, apiKey: undefined },
      { images, labels, count },
      { version, imageSize: [96, 96, 3], classes: 3, onProgress: (done) => progress.push(done) },
    );
    expect(answers).toHaveLength(3 * count);
    for (let row = 0; row < count; row++) {
      const [a, b, c] = answers.subarray(3 * row, 3 * row + 3);
      expect(a! + b! + c!).toBeCloseTo(1, 5);
    }
    expect(progress.length).toBeGreaterThan(1);
    expect(progress.at(-1)).toBe(count);
    expect(logged.filter(({ status }) => status !== 200 && status !== undefined)).toEqual([]);
  }));
