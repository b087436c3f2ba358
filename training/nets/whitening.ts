import type { Net } from './net.ts';
import { pixelTable } from './pixels.ts';

/** Added to the eigenvalues, so that filters of patches that hardly vary do not amplify noise. @see airbench §3.2 */
const epsilon = 5e-4;
/** Images that the statistics are computed from; more make no visible difference. */
const most = 5_000;

/**
 * The kernel of a whitening convolution: the eigenvectors of the covariance of all `size` x `size` patches of normalized
 * images, the largest first, each divided by the root of its eigenvalue; then the negative of each.
 *
 * @param images `[N, H, W, C]` uint8; the first 5,000 are used
 * @returns `[size, size, C, filters]`
 */
export function whiteningKernel(net: Net, images: Uint8Array, size: number, filters: number): Float32Array {
  const values = size * size * net.input[2];
  const { vectors, eigenvalues } = eigenvectors(patchCovariance(net, images, size), values);
  const order = [...eigenvalues.keys()].sort((a, b) => eigenvalues[b]! - eigenvalues[a]!);
  const kernel = new Float32Array(values * filters);
  const half = filters / 2;
  for (let filter = 0; filter < half; filter++) {
    const vector = order[filter]!;
    const deviation = Math.sqrt(eigenvalues[vector]! + epsilon);
    for (let value = 0; value < values; value++) {
      const weight = vectors[value * values + vector]! / deviation;
      kernel[value * filters + filter] = weight;
      kernel[value * filters + half + filter] = -weight;
    }
  }
  return kernel;
}

/** @returns `[values, values]`: the mean of p pᵀ over all patches p, whose values are ordered `[row, column, channel]` */
function patchCovariance(net: Net, images: Uint8Array, size: number): Float64Array {
  const [height, width, channels] = net.input;
  const bytes = height * width * channels;
  const count = Math.min(most, images.length / bytes);
  const values = size * size * channels;
  const table = pixelTable(net);
  const image = new Float64Array(bytes);
  const patch = new Float64Array(values);
  const sums = new Float64Array(values * values);
  const rowLength = size * channels;
  for (let number = 0; number < count; number++) {
    for (let at = 0; at < bytes; at++) image[at] = table[images[number * bytes + at]! * channels + (at % channels)]!;
    for (let row = 0; row + size <= height; row++) {
      for (let column = 0; column + size <= width; column++) {
        for (let line = 0; line < size; line++) {
          const from = ((row + line) * width + column) * channels;
          for (let at = 0; at < rowLength; at++) patch[line * rowLength + at] = image[from + at]!;
        }
        for (let a = 0; a < values; a++) {
          const value = patch[a]!;
          for (let b = a; b < values; b++) sums[a * values + b]! += value * patch[b]!;
        }
      }
    }
  }
  const patches = count * (height - size + 1) * (width - size + 1);
  for (let a = 0; a < values; a++) {
    for (let b = a; b < values; b++) {
      const mean = sums[a * values + b]! / patches;
      sums[a * values + b] = mean;
      sums[b * values + a] = mean;
    }
  }
  return sums;
}

/**
 * Eigenvectors of a symmetric matrix, by Jacobi's rotations: exact to rounding, and fast enough for fewer than a hundred rows.
 *
 * @param symmetric `[n, n]`
 * @returns `vectors` `[n, n]`, one a column, and their eigenvalues `[n]`, in no order
 */
function eigenvectors(symmetric: Float64Array, n: number): { vectors: Float64Array; eigenvalues: Float64Array } {
  const matrix = Float64Array.from(symmetric);
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  const size = Math.hypot(...symmetric);

  for (let sweep = 0; sweep < 100; sweep++) {
    let rotated = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const off = matrix[p * n + q]!;
        if (Math.abs(off) <= size * 1e-16) continue;
        rotated = true;
        // The smaller of the two angles that make matrix[p, q] zero.
        const cotangent = (matrix[q * n + q]! - matrix[p * n + p]!) / (2 * off);
        const tangent = (cotangent < 0 ? -1 : 1) / (Math.abs(cotangent) + Math.sqrt(cotangent * cotangent + 1));
        const cosine = 1 / Math.sqrt(tangent * tangent + 1);
        const sine = tangent * cosine;
        for (let k = 0; k < n; k++) rotate(matrix, k * n + p, k * n + q, cosine, sine);
        for (let k = 0; k < n; k++) rotate(matrix, p * n + k, q * n + k, cosine, sine);
        for (let k = 0; k < n; k++) rotate(vectors, k * n + p, k * n + q, cosine, sine);
      }
    }
    if (!rotated) break;
  }
  return { vectors, eigenvalues: Float64Array.from({ length: n }, (_, i) => matrix[i * n + i]!) };
}

function rotate(values: Float64Array, at: number, other: number, cosine: number, sine: number): void {
  const a = values[at]!;
  const b = values[other]!;
  values[at] = cosine * a - sine * b;
  values[other] = sine * a + cosine * b;
}
