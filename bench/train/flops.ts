import { multiplicationsOf } from '#training/nets/multiplications.ts';
import type { Net } from '#training/nets/net.ts';
import { shapesOf, weightSpecs } from '#training/nets/shapes.ts';

/** Floating-point operations of one layer for one image in a training step. */
export interface LayerFlops {
  readonly layer: string;
  readonly forward: number;
  /** 0 if the kernel is not trained. */
  readonly kernelGradient: number;
  /** 0 if no layer before this one is trained: its input then needs no gradient. */
  readonly inputGradient: number;
}

/**
 * Counts the operations of the convolutions and dense layers in a training step; a multiply-add counts as two. Operations on
 * the padding are included. The rest (normalization, activations, pooling, optimizer) is not counted, so that the
 * count does not depend on how a contestant implements it.
 *
 * @param trained names of the trained weights
 * @returns the layers with a kernel, in order
 */
export function flopsOfLayers(net: Net, trained: ReadonlySet<string>): LayerFlops[] {
  const trainedLayers = new Set(weightSpecs(net).flatMap(({ name, layer }) => (trained.has(name) ? [layer] : [])));
  let isAnyEarlierTrained = false;
  return shapesOf(net).flatMap((shaped) => {
    const { layer } = shaped;
    const forward = 2 * multiplicationsOf(shaped);
    const kernelGradient = trained.has(`${layer.name}/kernel`) ? forward : 0;
    const inputGradient = isAnyEarlierTrained ? forward : 0;
    isAnyEarlierTrained ||= trainedLayers.has(layer.name);
    return forward > 0 ? [{ layer: layer.name, forward, kernelGradient, inputGradient }] : [];
  });
}

/** Floating-point operations of one image in a training step: forward pass and both gradients. */
export function flopsOfImage(net: Net, trained: ReadonlySet<string>): number {
  return flopsOfLayers(net, trained).reduce(
    (total, { forward, kernelGradient, inputGradient }) => total + forward + kernelGradient + inputGradient,
    0,
  );
}
