import type { ConvolutionShape } from './operations/sliding.ts';

/** Pixels across and down up to which maps were measured; the copies of larger ones leave the caches. */
const SIDE = 16;
/** The fewest channels, and filters, that the products with both gradients and without them are large enough for. */
const CHANNELS = 32;
const TRAINED = 32 * 64;
const EVALUATED = 128 * 128;

/**
 * Whether Winograd's method is the faster one for a convolution with both gradients. It is chosen by the shape alone: a measurement
 * would choose otherwise the next time, and the weights with it. In bfloat16 and float16 the points would be rounded too coarsely.
 *
 * @see docs/decisions/winograd-training.md
 */
export function isWinogradFaster(shape: ConvolutionShape): boolean {
  return takesWinograd(shape, TRAINED);
}

/** The same for a convolution without gradients. */
export function isWinogradFasterForward(shape: ConvolutionShape): boolean {
  return takesWinograd(shape, EVALUATED);
}

function takesWinograd({ type, images: [height, width], kernel, stride }: ConvolutionShape, least: number): boolean {
  const [rows, columns, channels, filters] = kernel;
  const isOfThree = rows === 3 && columns === 3 && stride === 1;
  const isLarge = Math.min(channels, filters) >= CHANNELS && channels * filters >= least;
  return type === 'float32' && isOfThree && isLarge && Math.max(height, width) <= SIDE;
}
