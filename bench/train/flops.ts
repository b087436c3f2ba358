import type { Net } from '#training/nets/net.ts';
import { type ShapedLayer, shapesOf, weightSpecs } from '#training/nets/shapes.ts';

/** Floating-point operations that one layer needs for one image, in a step. */
export interface LayerFlops {
  readonly layer: string;
  readonly forward: number;
  /** 0 where the kernel is not trained. */
  readonly kernelGradient: number;
  /** 0 where nothing before the layer is trained: its input then takes no gradient. */
  readonly inputGradient: number;
}

/**
 * What the convolutions and dense layers of a training step need, a multiplication and an addition counting as two. What
 * falls on the padding counts as well. The rest (normalization, activations, pooling, optimizer) is not counted: no
 * contestant gains by doing it in another way.
 *
 * @param trained names of weights
 * @returns each layer that multiplies by a kernel
 */
export function flopsOfLayers(net: Net, trained: ReadonlySet<string>): LayerFlops[] {
  const trainedLayers = new Set(weightSpecs(net).flatMap(({ name, layer }) => (trained.has(name) ? [layer] : [])));
  let isAnyBefore = false;
  return shapesOf(net).flatMap((shaped) => {
    const { layer } = shaped;
    const forward = 2 * multiplicationsOf(shaped);
    const kernelGradient = trained.has(`${layer.name}/kernel`) ? forward : 0;
    const inputGradient = isAnyBefore ? forward : 0;
    isAnyBefore ||= trainedLayers.has(layer.name);
    return forward > 0 ? [{ layer: layer.name, forward, kernelGradient, inputGradient }] : [];
  });
}

/** Of one image, in a step: forward, and both gradients. */
export function flopsOfImage(net: Net, trained: ReadonlySet<string>): number {
  return flopsOfLayers(net, trained).reduce(
    (total, { forward, kernelGradient, inputGradient }) => total + forward + kernelGradient + inputGradient,
    0,
  );
}

function multiplicationsOf({ layer, input, output }: ShapedLayer): number {
  const channels = input.at(-1)!;
  if (layer.kind === 'dense') return channels * layer.units;
  if (layer.kind !== 'convolution') return 0;
  const [height = 0, width = 0] = output;
  return height * width * layer.filters * layer.kernel ** 2 * channels;
}
