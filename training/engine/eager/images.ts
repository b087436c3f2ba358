import * as tf from '@tensorflow/tfjs-core';
import type { Net } from '../../nets/net.ts';
import { pixelTable } from '../../nets/pixels.ts';

/**
 * @param images `[N, H, W, C]` uint8
 * @returns `[N, H, W, C]` float32, as the net's normalization makes them
 */
export function normalized(net: Net, images: Uint8Array): tf.Tensor4D {
  const [height, width, channels] = net.input;
  const table = pixelTable(net);
  const values = new Float32Array(images.length);
  for (let at = 0; at < images.length; ) {
    for (let channel = 0; channel < channels; channel++, at++) values[at] = table[images[at]! * channels + channel]!;
  }
  return tf.tensor4d(values, [images.length / (height * width * channels), height, width, channels]);
}
