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
/** Values of a filter. */
export const WINDOW = 9;
