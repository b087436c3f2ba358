import { describe, expect, test } from 'vitest';
import { distanceOf, energyOf, textureOf, unfamiliarity } from './unfamiliar.ts';

const size = { height: 32, width: 32, channels: 3 };
const picture = (value: (x: number, y: number, channel: number) => number) =>
  Uint8Array.from({ length: 3072 }, (_, at) => value(Math.floor(at / 3) % 32, Math.floor(at / 96), at % 3));

test('energy is the logarithm of the sum of the exponentials, of large logits too', () => {
  expect(energyOf([Math.log(2), Math.log(3)])).toBeCloseTo(Math.log(5), 12);
  expect(energyOf([1000, 1000])).toBeCloseTo(1000 + Math.log(2), 9);
});

describe('the texture', () => {
  test('of stripes, worked by hand', () => {
    // Columns of 0 and 100: half of the neighbours are across, and differ by 100; the deviation is 50.
    const { roughness, flatness } = textureOf(
      picture((x) => 100 * (x % 2)),
      size,
    );
    expect(flatness).toBe(0.5);
    expect(roughness).toBeCloseTo(Math.log(51 / 51), 12);
  });

  test('of one colour is smooth and flat', () => {
    expect(
      textureOf(
        picture(() => 77),
        size,
      ),
    ).toEqual({ roughness: 0, flatness: 1 });
  });

  test('is that of a grey copy, and nearly that of a paler one', () => {
    const colours = picture((x, y, channel) => 128 + 40 * Math.sin(x / 3 + y / 5) + 20 * (channel - 1));
    const grey = picture((x, y) => 128 + 40 * Math.sin(x / 3 + y / 5));
    const paler = picture((x, y) => 158 + 20 * Math.sin(x / 3 + y / 5));
    const { roughness, flatness } = textureOf(colours, size);
    expect(textureOf(grey, size).roughness).toBeCloseTo(roughness, 1);
    expect(textureOf(grey, size).flatness).toBeCloseTo(flatness, 1);
    expect(textureOf(paler, size).roughness).toBeCloseTo(roughness, 0.5);
  });
});

test('low energy and a strange texture both make a picture unfamiliar', () => {
  const texture = { mean: { roughness: -1, flatness: 0.2 }, precision: { roughness: 4, flatness: 100, both: 0 } };
  const known = { energy: { mean: 5, deviation: 2 }, texture: { ...texture, distance: { mean: 0.8, deviation: 0.4 } } };
  const usual = texture.mean;
  const strange = { roughness: -1.5, flatness: 0.5 };
  expect(distanceOf(usual, texture)).toBe(0);
  expect(distanceOf(strange, texture)).toBeCloseTo(Math.log(1 + 4 * 0.25 + 100 * 0.09), 12);
  // (5 − 5) / 2 + 0.5 (0 − 0.8) / 0.4, and a deviation of energy more.
  expect(unfamiliarity([5, -1000], usual, known)).toBeCloseTo(-1, 12);
  expect(unfamiliarity([3, -1000], usual, known)).toBeCloseTo(0, 12);
  expect(unfamiliarity([5, -1000], strange, known)).toBeGreaterThan(1);
});
