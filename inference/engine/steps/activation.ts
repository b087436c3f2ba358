import type { FeatureMap } from '../memory/feature-map.ts';
import type { Activation } from '../model/operation.ts';
import type { Step } from './step.ts';

/** An activation function, in place; the zeros of margins and padded channels stay zero. */
export function activationStep({ start, image, bytes }: FeatureMap, name: Activation): Step {
  return ({ from, count }) => [{ kernel: name, address: start + from * image, vectors: (count * bytes) / 16 }];
}
