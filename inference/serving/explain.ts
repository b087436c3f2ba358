import type { ServedModel } from './live-models.ts';

/** Side of the grey square that is laid over the picture, and by how much it moves, as shares of the picture: 8 and 4 of 32. */
const PATCH = 1 / 4;
const STEP = 1 / 8;

/**
 * Which parts of a picture speak for a class: where a grey square is laid over them, its probability falls.
 *
 * @param pixels `[height, width, 3]` uint8, of the model's size
 * @param index of the class
 * @returns `[height, width]` by how much the probability falls, on average over the squares that cover a pixel; negative
 *   where it rises
 * @see Zeiler & Fergus, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901 §4.2
 */
export function occlusionMap(pixels: Uint8Array, index: number, model: ServedModel): Float32Array {
  const { classes, input } = model.card;
  const { width, height } = input;
  const squares = cover(width).flatMap((x) => cover(height).map((y) => ({ x, y })));
  const size = width * height * 3;
  const batch = new Uint8Array((squares.length + 1) * size); // the picture itself, then each of its occlusions
  batch.set(pixels);
  const grey = meanColor(pixels);
  squares.forEach(({ x, y }, square) => {
    const occluded = batch.subarray((square + 1) * size, (square + 2) * size);
    occluded.set(pixels);
    for (let row = y.from; row < y.to; row++) {
      for (let column = x.from; column < x.to; column++) occluded.set(grey, (row * width + column) * 3);
    }
  });
  const probabilities = model.classify(batch); // [1 + squares, classes]

  const sums = new Float32Array(width * height);
  const counts = new Float32Array(width * height);
  squares.forEach(({ x, y }, square) => {
    const fall = probabilities[index]! - probabilities[(square + 1) * classes.length + index]!;
    for (let row = y.from; row < y.to; row++) {
      for (let column = x.from; column < x.to; column++) {
        sums[row * width + column]! += fall;
        counts[row * width + column]!++;
      }
    }
  });
  return sums.map((sum, pixel) => sum / counts[pixel]!);
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Ranges of the patch's length that cover all of a side. */
function cover(length: number): Range[] {
  const patch = Math.max(1, Math.round(length * PATCH));
  const step = Math.max(1, Math.round(length * STEP));
  const ranges: Range[] = [];
  for (let from = 0; from + patch < length; from += step) ranges.push({ from, to: from + patch });
  return [...ranges, { from: length - patch, to: length }];
}

/** Grey in the sense of saying nothing: what the picture is on average. */
function meanColor(pixels: Uint8Array): Uint8Array {
  const sums = [0, 0, 0];
  for (let index = 0; index < pixels.length; index++) sums[index % 3]! += pixels[index]!;
  return Uint8Array.from(sums, (sum) => sum / (pixels.length / 3));
}
