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
  const rowLength = size * channels;
  // Where each value of a patch is, from the patch's first.
  const offsets = Array.from({ length: values }, (_, value) => {
    const row = Math.floor(value / rowLength);
    return row * width * channels + (value % rowLength);
  });
  const rows = height - size + 1;
  const columns = (width - size + 1) * channels;
  const table = pixelTable(net);
  const image = new Float64Array(bytes);
  const sums = new Float64Array(values * values);
  for (let number = 0; number < count; number++) {
    for (let at = 0; at < bytes; at++) image[at] = table[images[number * bytes + at]! * channels + (at % channels)]!;
    for (let a = 0; a < values; a++) {
      // Four sums at a time: an addition waits for the one before it in the same sum.
      for (let b = a; b < values; b += 4) {
        const left = offsets[a]!;
        const right0 = offsets[b]!;
        const right1 = offsets[b + 1] ?? left;
        const right2 = offsets[b + 2] ?? left;
        const right3 = offsets[b + 3] ?? left;
        const into = a * values + b;
        let sum0 = sums[into]!;
        let sum1 = sums[into + 1]!;
        let sum2 = sums[into + 2]!;
        let sum3 = sums[into + 3]!;
        for (let row = 0; row < rows; row++) {
          const first = row * width * channels;
          for (let at = first; at < first + columns; at += channels) {
            const value = image[at + left]!;
            sum0 += value * image[at + right0]!;
            sum1 += value * image[at + right1]!;
            sum2 += value * image[at + right2]!;
            sum3 += value * image[at + right3]!;
          }
        }
        sums[into] = sum0;
        if (b + 1 < values) sums[into + 1] = sum1;
        if (b + 2 < values) sums[into + 2] = sum2;
        if (b + 3 < values) sums[into + 3] = sum3;
      }
    }
  }
  const patches = count * rows * (width - size + 1);
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
