import type { Convolution, Shape } from '../model/operation.ts';

/**
 * Winograd's F(4x4, 3x3): sixteen outputs of a convolution from 36 products instead of 144. Inputs, filters and outputs are
 * transformed; the products of all channels at one of the 36 positions are one matrix product.
 *
 * @see Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, arXiv:1509.09308 §4.3
 */

/** Outputs of a tile, in each direction. */
export const TILE = 4;
/** Inputs of a tile, in each direction: those of its outputs' windows of three. */
export const REACH = 6;
/** Products of a tile, for a pair of channels. */
export const POSITIONS = REACH * REACH;
/** Values of a filter. */
export const WINDOW = 9;

/** How many tiles cover `length` outputs. */
export function tiles(length: number): number {
  return Math.ceil(length / TILE);
}

/** True where a tile saves more than its transforms cost, and its larger weights are read for enough outputs. */
export function usesWinograd({
  kernel,
  stride,
  output: { height, width },
}: Convolution & { readonly output: Shape }): boolean {
  const [rows, columns, inputs, filters] = kernel.shape as [number, number, number, number];
  return rows === 3 && columns === 3 && stride === 1 && inputs >= 16 && filters >= 16 && height * width >= 16;
}
