import type { ImageSet } from '../data/image-set.ts';
import type { Net } from './net.ts';

/**
 * The net with another first layer: one that subtracts the mean of the images' channels and divides by their deviation, or one that
 * divides by 255 alone.
 */
export function withStandardization(net: Net, isOn: boolean, images: Pick<ImageSet, 'mean' | 'deviation'>): Net {
  const none = { mean: images.mean.map(() => 0), deviation: images.deviation.map(() => 1) };
  const { mean, deviation } = isOn ? images : none;
  const layers = net.layers.map((layer) => (layer.kind === 'normalization' ? { ...layer, mean, deviation } : layer));
  return { ...net, layers };
}
