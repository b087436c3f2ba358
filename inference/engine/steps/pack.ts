import { BLOCK } from '../kernels/product.ts';
import { wholeBlocks } from '../memory/feature-map.ts';

/**
 * Weights in the order in which the kernel `product` reads them: `[blocks][pixels][paddedInputs][8]`, with zeros for padded
 * channels.
 *
 * @param weights `[pixels][inputs][outputs]`, the pixels being those of a window, or of a dense layer's whole input
 */
export function packWeights(
  weights: Float32Array,
  { outputs, inputs, pixels, paddedInputs }: Readonly<Record<'outputs' | 'inputs' | 'pixels' | 'paddedInputs', number>>,
): Float32Array {
  const length = pixels * paddedInputs;
  const packed = new Float32Array(wholeBlocks(outputs) * length);
  let from = 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let input = 0; input < inputs; input++) {
      const row = pixel * paddedInputs + input;
      for (let output = 0; output < outputs; output++) {
        packed[(Math.floor(output / BLOCK) * length + row) * BLOCK + (output % BLOCK)] = weights[from++]!;
      }
    }
  }
  return packed;
}

/** Adds zeros behind each pixel's `channels`, up to whole blocks. */
export function padChannels(values: ArrayLike<number>, channels = values.length): Float32Array {
  const paddedChannels = wholeBlocks(channels);
  const padded = new Float32Array((values.length / channels) * paddedChannels);
  for (let index = 0; index < values.length; index++) {
    padded[Math.floor(index / channels) * paddedChannels + (index % channels)] = values[index]!;
  }
  return padded;
}
