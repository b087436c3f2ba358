import type { Card } from './card.ts';

/** The side of the gray square that covers a part of the image, and its step, as fractions of the image: 8 and 4 of 32. */
const PATCH = 1 / 4;
const STEP = 1 / 8;

interface Classified {
  readonly card: Pick<Card, 'classes'> & { readonly input: Pick<Card['input'], 'height' | 'width'> };
  /** @param pixels `[N, height, width, 3]` uint8 @returns probabilities `[N, classes]` */
  classify(pixels: Uint8Array): ArrayLike<number>;
}

/**
 * Finds the parts of an image that support a class: the class's probability drops when a gray square covers them. The covered
 * images are classified once for all classes.
 *
 * @param pixels `[height, width, 3]` uint8, of the model's input size
 * @param classIndices the classes to explain
 * @returns `[height, width]` each: the drop in probability, averaged over the squares that cover a pixel; negative where it rises
 * @see Zeiler & Fergus, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901 §4.2
 */
export function occlusionMaps(pixels: Uint8Array, classIndices: readonly number[], model: Classified): Float32Array[] {
  const { classes, input } = model.card;
  const { width, height } = input;
  const squares = cover(width).flatMap((x) => cover(height).map((y) => ({ x, y })));
  const size = width * height * 3;
  const batch = new Uint8Array((squares.length + 1) * size); // the image itself, then its occlusions
  batch.set(pixels);
  const gray = meanColor(pixels);
  squares.forEach(({ x, y }, square) => {
    const occluded = batch.subarray((square + 1) * size, (square + 2) * size);
    occluded.set(pixels);
    for (let row = y.from; row < y.to; row++) {
      for (let column = x.from; column < x.to; column++) occluded.set(gray, (row * width + column) * 3);
    }
  });
  const probabilities = model.classify(batch); // [1 + squares, classes]

  return classIndices.map((index) => {
    const sums = new Float32Array(width * height);
    const counts = new Float32Array(width * height);
    squares.forEach(({ x, y }, square) => {
      const drop = probabilities[index]! - probabilities[(square + 1) * classes.length + index]!;
      for (let row = y.from; row < y.to; row++) {
        for (let column = x.from; column < x.to; column++) {
          sums[row * width + column]! += drop;
          counts[row * width + column]!++;
        }
      }
    });
    return sums.map((sum, pixel) => sum / counts[pixel]!);
  });
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Ranges of the patch's length that together cover a whole side. */
function cover(length: number): Range[] {
  const patch = Math.max(1, Math.round(length * PATCH));
  const step = Math.max(1, Math.round(length * STEP));
  const ranges: Range[] = [];
  for (let from = 0; from + patch < length; from += step) ranges.push({ from, to: from + patch });
  return [...ranges, { from: length - patch, to: length }];
}

/** The average color of the image, which carries no information about its parts. */
function meanColor(pixels: Uint8Array): Uint8Array {
  const sums = [0, 0, 0];
  for (let index = 0; index < pixels.length; index++) sums[index % 3]! += pixels[index]!;
  return Uint8Array.from(sums, (sum) => sum / (pixels.length / 3));
}
