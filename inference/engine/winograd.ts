/**
 * Winograd's F(4x4, 3x3): sixteen outputs of a convolution from 36 products instead of 144. Inputs, filters and outputs are
 * transformed; with all channels, the products at one of the 36 positions are one matrix product.
 *
 * @see Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, arXiv:1509.09308 §4.3
 */

/** Outputs of a tile, in each direction. */
export const TILE = 4;
/** Inputs of a tile, in each direction: its outputs, and what a window of three reaches beyond. */
export const REACH = 6;
/** Products of a tile, for a pair of channels. */
export const POSITIONS = REACH * REACH;

/**
 * `G g Gᵀ` of each filter.
 *
 * @param kernel `[3, 3, pairs]`, a pair being an input and an output channel
 * @param write takes `[36]` of a pair; it is overwritten for the next one
 */
export function transformFilters(kernel: Float32Array, write: (pair: number, positions: Float64Array) => void): void {
  const pairs = kernel.length / 9;
  const columns = new Float64Array(REACH * 3); // [6, 3]
  const positions = new Float64Array(POSITIONS); // [6, 6]
  for (let pair = 0; pair < pairs; pair++) {
    for (let x = 0; x < 3; x++) {
      transformLine(kernel, x * pairs + pair, 3 * pairs, columns, x, 3);
    }
    for (let y = 0; y < REACH; y++) transformLine(columns, 3 * y, 1, positions, REACH * y, 1);
    write(pair, positions);
  }
}

/** `G g` of three values, from `at` on, `step` apart. */
function transformLine(
  values: Float32Array | Float64Array,
  at: number,
  step: number,
  result: Float64Array,
  to: number,
  toStep: number,
): void {
  const [a, b, c] = [values[at]!, values[at + step]!, values[at + 2 * step]!];
  result[to] = a / 4;
  result[to + toStep] = -(a + b + c) / 6;
  result[to + 2 * toStep] = -(a - b + c) / 6;
  result[to + 3 * toStep] = a / 24 + b / 12 + c / 6;
  result[to + 4 * toStep] = a / 24 - b / 12 + c / 6;
  result[to + 5 * toStep] = c;
}
