import { cifar10Images, type ImageSet } from '../data/image-set.ts';
import type { Layer, Net } from './net.ts';

/** The choices that the post leaves open. */
export interface SeedHead {
  readonly activation: 'relu' | 'elu';
  /** Dropout rates after the three poolings; 0 leaves the layer out. */
  readonly convolutionDropout: readonly [number, number, number];
  /** Units of the hidden dense layer; 0 leaves it out. */
  readonly hidden: number;
  /** Dropout rate before the last dense layer. */
  readonly denseDropout: number;
}

/**
 * The network that this project starts from: Conv 32 – MaxPool – Conv 64 – MaxPool – Conv 128 – MaxPool – Dense.
 *
 * The convolutions (3x3, 'same'), the pooling (2x2), their order and the preparation (divided by 255, nothing subtracted)
 * are the post's. Activation, dropout and head are lost from the post; they are those of programs that were copied from it.
 * The last pooling is larger for larger images, so that the head has as many weights at every size.
 *
 * `docs/decisions/seed-network.md` gives the sources and the alternatives.
 *
 * @see "[Deep Learning Lab] Episode-2: CIFAR-10", Furkan Kınlı, 2018
 */
export function seedNetFor(images: ImageSet): Net {
  return seedNetWith(
    { activation: 'relu', convolutionDropout: [0.3, 0.3, 0.4], hidden: 80, denseDropout: 0.3 },
    images,
  );
}

export const seedNet = seedNetFor(cifar10Images);

/** A network that agrees with the post, with these choices. */
export function seedNetWith(
  { activation, convolutionDropout, hidden, denseDropout }: SeedHead,
  { size, classes }: ImageSet = cifar10Images,
): Net {
  const act = (name: string): Layer => ({ kind: 'activation', name, function: activation });
  const dropout = (name: string, rate: number): Layer[] => (rate > 0 ? [{ kind: 'dropout', name, rate }] : []);
  const dense = (name: string, units: number): Layer => ({
    kind: 'dense',
    name,
    units,
    bias: true,
    init: 'glorot-uniform',
  });
  const block = (number: 1 | 2 | 3, filters: number, pooled = 2): Layer[] => [
    {
      kind: 'convolution',
      name: `conv${number}`,
      filters,
      kernel: 3,
      padding: 'same',
      bias: true,
      init: 'glorot-uniform',
    },
    act(`${activation}${number}`),
    { kind: 'max-pooling', name: `pool${number}`, size: pooled, padding: 'valid' },
    ...dropout(`dropout${number}`, convolutionDropout[number - 1]!),
  ];
  return {
    name: 'seed',
    input: size,
    classes,
    layers: [
      { kind: 'normalization', name: 'rescale', mean: [0, 0, 0], deviation: [1, 1, 1] }, // [32, 32, 3]
      ...block(1, 32), // [16, 16, 32]
      ...block(2, 64), // [8, 8, 64]
      ...block(3, 128, Math.max(2, Math.floor(Math.min(size[0], size[1]) / 16))), // [4, 4, 128]
      { kind: 'flatten', name: 'flatten' }, // [2048]
      ...(hidden > 0 ? [dense('dense1', hidden), act(`${activation}4`)] : []), // [80]
      ...dropout('dropout4', denseDropout),
      dense('dense2', classes), // [classes]
    ],
  };
}
