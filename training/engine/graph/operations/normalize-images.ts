import { type Graph, show, type Value } from '../builder/graph.ts';
import type { DataType } from '../builder/protobuf.ts';
import { cast, divide, subtract, toFloat } from './arithmetic.ts';

/**
 * `(x / 255 - mean) / deviation`, per channel.
 *
 * @param images `[N, H, W, C]` uint8
 * @param mean and deviation of channel values in [0, 1]; one for each channel
 * @param type of the result
 * @returns the same shape
 */
export function normalizeImages(
  graph: Graph,
  images: Value,
  { mean, deviation }: { readonly mean: readonly number[]; readonly deviation: readonly number[] },
  type: DataType = 'float32',
): Value {
  const channels = images.shape.at(-1);
  if (mean.length !== channels || deviation.length !== channels) {
    graph.fail(`${mean.length} means and ${deviation.length} deviations for images ${show(images.shape)}.`);
  }
  return graph.call('normalize_images', [images], (bytes) => {
    const { graph: inner } = bytes.operation;
    const perChannel = (values: readonly number[]) =>
      inner.constant({ type: 'float32', shape: [values.length], values: Float32Array.from(values) });
    const fractions = divide(inner, toFloat(inner, bytes), 255);
    return cast(inner, divide(inner, subtract(inner, fractions, perChannel(mean)), perChannel(deviation)), type);
  });
}
