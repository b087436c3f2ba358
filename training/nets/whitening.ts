import type { Net } from './net.ts';
import { pixelTable } from './pixels.ts';

/** The net with the filters of its whitening layer drawn, as PyTorch does, and trained as any others: in shape it is the same. */
export function withoutWhitening(net: Net): Net {
  const layers = net.layers.map((layer) =>
    layer.kind === 'convolution' && layer.init === 'whitening' ? { ...layer, init: 'fan-in-uniform' as const } : layer,
  );
  return { ...net, layers };
}

/** Added to the eigenvalues, so that filters of patches that hardly vary do not amplify noise. @see airbench §3.2 */
const epsilon = 5e-4;
/** Directions that vary less than this share of the first one do not vary at all: what is left of them is rounding. */
const none = 1e-9;
/** Images that the statistics are computed from; more make no visible difference. Of larger ones, whose patches are larger, fewer. */
const most = 5_000;
const mostLarge = 2_000;

/**
 * The kernel of a whitening convolution: the eigenvectors of the covariance of all `size` x `size` patches of normalized
 * images, the largest first, each divided by the root of its eigenvalue; then the negative of each. Directions in which the patches
 * do not vary are replaced by those in which they do.
 *
 * @param images `[N, H, W, C]` uint8; the first 5,000 are used, or of images of 64x64 pixels and more the first 2,000
 * @returns `[size, size, C, filters]`
 */
export function whiteningKernel(net: Net, images: Uint8Array, size: number, filters: number): Float32Array {
  const values = size * size * net.input[2];
  const { vectors, eigenvalues } = eigenvectors(patchCovariance(net, images, size), values);
  const order = [...eigenvalues.keys()].sort((a, b) => eigenvalues[b]! - eigenvalues[a]!);
  const kernel = new Float32Array(values * filters);
  // Grey images vary in a third of the directions. Each is taken three times then: a filter whose output never varies would be
  // divided by nothing in a batch normalization.
  const varying = order.filter((vector) => eigenvalues[vector]! > none * eigenvalues[order[0]!]!);
  const half = filters / 2;
  for (let filter = 0; filter < half; filter++) {
    const vector = varying[filter % varying.length] ?? order[filter]!;
    const deviation = Math.sqrt(eigenvalues[vector]! + epsilon);
    for (let value = 0; value < values; value++) {
      const weight = vectors[value * values + vector]! / deviation;
      kernel[value * filters + filter] = weight;
      kernel[value * filters + half + filter] = -weight;
    }
  }
  return kernel;
}

/**
 * Of larger images every second, third … patch across and down: as many as 32x32 images have.
 *
 * @returns `[values, values]`: the mean of p pᵀ over these patches p, whose values are ordered `[row, column, channel]`
 */
function patchCovariance(net: Net, images: Uint8Array, size: number): Float64Array {
  const [height, width, channels] = net.input;
  const bytes = height * width * channels;
  const step = Math.max(1, Math.floor(Math.min(height, width) / 32));
  const count = Math.min(step > 1 ? mostLarge : most, images.length / bytes);
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
    // A tile of two by four sums at a time: its six values are read once, and an addition waits for the one before it in the
    // same sum. What a tile has beyond the last value is not kept; what it has below the diagonal is replaced in the end.
    for (let a = 0; a < values; a += 2) {
      for (let b = a; b < values; b += 4) {
        const left0 = offsets[a]!;
        const left1 = offsets[a + 1] ?? left0;
        const right0 = offsets[b]!;
        const right1 = offsets[b + 1] ?? left0;
        const right2 = offsets[b + 2] ?? left0;
        const right3 = offsets[b + 3] ?? left0;
        const upper = a * values + b;
        const lower = upper + values;
        let [upper0 = 0, upper1 = 0, upper2 = 0, upper3 = 0] = sums.subarray(upper, upper + 4);
        let [lower0 = 0, lower1 = 0, lower2 = 0, lower3 = 0] = sums.subarray(lower, lower + 4);
        for (let row = 0; row < rows; row += step) {
          const first = row * width * channels;
          for (let at = first; at < first + columns; at += step * channels) {
            const value0 = image[at + left0]!;
            const value1 = image[at + left1]!;
            const other0 = image[at + right0]!;
            const other1 = image[at + right1]!;
            const other2 = image[at + right2]!;
            const other3 = image[at + right3]!;
            upper0 += value0 * other0;
            upper1 += value0 * other1;
            upper2 += value0 * other2;
            upper3 += value0 * other3;
            lower0 += value1 * other0;
            lower1 += value1 * other1;
            lower2 += value1 * other2;
            lower3 += value1 * other3;
          }
        }
        const kept = Math.min(4, values - b);
        sums.set([upper0, upper1, upper2, upper3].slice(0, kept), upper);
        if (a + 1 < values) sums.set([lower0, lower1, lower2, lower3].slice(0, kept), lower);
      }
    }
  }
  const patches = count * Math.ceil(rows / step) * Math.ceil((width - size + 1) / step);
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
