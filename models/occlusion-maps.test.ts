import { expect, test } from 'vitest';
import { occlusionMaps } from './occlusion-maps.ts';

/** A model that only measures how red the pixels from (8, 16) to (12, 20) are. */
const seesOneCorner = {
  card: { classes: ['red', 'other'], input: { height: 32, width: 32 } },
  classify(pixels: Uint8Array) {
    const answers: number[] = [];
    for (let start = 0; start < pixels.length; start += 3072) {
      let red = 0;
      for (let y = 16; y < 20; y++) for (let x = 8; x < 12; x++) red += pixels[start + (y * 32 + x) * 3]! / 255 / 16;
      answers.push(red, 1 - red);
    }
    return Float32Array.from(answers);
  },
};

test('the map is bright where the model looks, and nowhere else', () => {
  const pixels = new Uint8Array(3072);
  for (let y = 16; y < 20; y++) for (let x = 8; x < 12; x++) pixels[(y * 32 + x) * 3] = 255;
  const [map, against] = occlusionMaps(pixels, [0, 1], seesOneCorner) as [Float32Array, Float32Array];
  const largest = Math.max(...map);
  expect(map[18 * 32 + 10]).toBe(largest);
  expect(largest).toBeGreaterThan(0.9);
  for (const [x, y] of [
    [0, 0],
    [31, 31],
    [10, 30],
    [30, 18],
    [20, 18],
    [10, 4],
  ] as const)
    expect(map[y * 32 + x]).toBe(0);
  expect(Math.min(...against)).toBeCloseTo(-largest, 5);
});
