import { describe, expect, test } from 'vitest';
import { textureOf, Unfamiliar, unfamiliarity } from '#models/unfamiliar.ts';
import { random } from '../random/random.ts';
import { fitUnfamiliar } from './fit-unfamiliar.ts';

const imageSize = [16, 16, 3] as const;
const size = { height: 16, width: 16, channels: 3 };
const bytes = 16 * 16 * 3;

/** Smooth pictures with some noise, and logits of a network that is sure of one class. */
function pictures(count: number, seed: number) {
  const draw = random(seed);
  const images = new Uint8Array(count * bytes);
  for (let image = 0; image < count; image++) {
    const [wave, noise] = [2 + 2 * draw.uniform(), 2 + 6 * draw.uniform()];
    for (let at = 0; at < bytes; at++) {
      const [x, y] = [Math.floor(at / 3) % 16, Math.floor(at / 48)];
      images[image * bytes + at] = 128 + 60 * Math.sin(x / wave + y / 3) + noise * draw.normal();
    }
  }
  const logits = Float32Array.from({ length: count * 3 }, (_, at) => (at % 3 === 0 ? 6 : 0) + draw.normal());
  return { count, images, logits };
}

/** How unfamiliar each of the pictures is. */
const scores = ({ count, images, logits }: ReturnType<typeof pictures>, known: Unfamiliar) =>
  Array.from({ length: count }, (_, image) => {
    const texture = textureOf(images.subarray(image * bytes, (image + 1) * bytes), size);
    return unfamiliarity(logits.subarray(3 * image, 3 * image + 3), texture, known);
  });

describe('what is unfamiliar', () => {
  const held = pictures(500, 1);
  const known = fitUnfamiliar(held.logits, held, imageSize)!;
  const share = (of: ReturnType<typeof pictures>) =>
    scores(of, known).filter((score) => score > known.above).length / of.count;

  test('is one in fifty of the held-out images, and about as many of others like them', () => {
    expect(Unfamiliar.parse(known)).toEqual(known);
    expect(share(held)).toBe(0.018); // 491 of 500 are at most the limit.
    expect(share(pictures(1000, 2))).toBeLessThan(0.05);
  });

  test('are pictures that the network makes nothing of, noise, and plain pictures, which it is sure of', () => {
    const unsure = { ...held, logits: new Float32Array(held.logits.length) };
    const draw = random(3);
    const noise = { ...held, images: held.images.map(() => draw.integer(256)) };
    const plain = { ...held, images: held.images.map((_, at) => (Math.floor(at / bytes) % 255) + 1) };
    for (const other of [unsure, noise, plain]) expect(share(other)).toBeGreaterThan(0.95);
  });
});

test('is not said by fewer than 49 held-out images, nor by none', () => {
  const some = pictures(49, 4);
  expect(fitUnfamiliar(some.logits, some, imageSize)).toBeDefined();
  const few = pictures(48, 4);
  expect(fitUnfamiliar(few.logits, few, imageSize)).toBeUndefined();
  const none = { count: 0, images: new Uint8Array(0) };
  expect(fitUnfamiliar(new Float32Array(0), none, imageSize)).toBeUndefined();
});

test('a hundred equal pictures and answers have finite limits', () => {
  const equal = { count: 100, images: new Uint8Array(100 * bytes).fill(200) };
  const known = fitUnfamiliar(new Float32Array(300), equal, imageSize);
  expect(Unfamiliar.parse(known)).toEqual(known);
});
