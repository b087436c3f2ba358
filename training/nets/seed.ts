import { cifar10Images, type ImageSet } from './image-set.ts';
import type { Layer, Net } from './net.ts';

/** What the post leaves open: see `docs/decisions/seed-network.md`. */
interface Reconstruction {
  readonly activation: 'relu' | 'elu';
  /** Units of the hidden dense layer; 0 leaves it out. */
  readonly hidden: number;
  /** Share dropped after each pooling. */
  readonly convolutionDropout: number;
  /** Share dropped before the last dense layer. */
  readonly denseDropout: number;
}

/**
 * The network that this project starts from: Conv 32 – MaxPool – Conv 64 – MaxPool – Conv 128 – MaxPool – Dense.
 *
 * The convolutions (3x3, 'same'), the pooling (2x2), the order and the preparation (divided by 255, nothing subtracted)
 * are the post's. **Activation, dropout and head are a reconstruction**: the post's code for them is lost, and they are
 * chosen so that training matches the accuracies and losses that it reports.
 *
 * @see "[Deep Learning Lab] Episode-2: CIFAR-10", Furkan Kınlı, 2018
 */
export const seedNet: Net = seedNetOf({ activation: 'relu', hidden: 128, convolutionDropout: 0.25, denseDropout: 0.5 });

/** Any of the candidates that the reconstruction was chosen from. */
export function seedNetOf(reconstruction: Reconstruction, images: ImageSet = cifar10Images): Net {
  const { activation, hidden, convolutionDropout, denseDropout } = reconstruction;
  const { size, classes } = images;
  const zero = size[2] === 1 ? [0] : [0, 0, 0];
  const act = (name: string): Layer => ({ kind: 'activation', name, function: activation });
  const dropout = (name: string, rate: number): Layer[] => (rate > 0 ? [{ kind: 'dropout', name, rate }] : []);
  const block = (number: number, filters: number): Layer[] => [
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
    { kind: 'max-pooling', name: `pool${number}`, size: 2, padding: 'valid' },
    ...dropout(`dropout${number}`, convolutionDropout),
  ];
  const dense = (name: string, units: number): Layer => ({
    kind: 'dense',
    name,
    units,
    bias: true,
    init: 'glorot-uniform',
  });
  return {
    name: 'seed',
    input: size,
    classes,
    layers: [
      { kind: 'normalization', name: 'rescale', mean: zero, deviation: zero.map(() => 1) },
      ...block(1, 32), // [16, 16, 32]
      ...block(2, 64), // [8, 8, 64]
      ...block(3, 128), // [4, 4, 128]
      { kind: 'flatten', name: 'flatten' }, // [2048]
      ...(hidden > 0 ? [dense('dense1', hidden), act(`${activation}4`)] : []),
      ...dropout('dropout4', denseDropout),
      dense('dense2', classes),
    ],
  };
}
