import { usesWinograd } from '../kernels/winograd.ts';
import type { FeatureMap } from '../memory/feature-map.ts';
import type { FeatureMaps } from '../memory/feature-maps.ts';
import type { Layout } from '../memory/layout.ts';
import type { Operation } from '../model/operation.ts';
import { activationStep } from './activation.ts';
import { affineStep } from './affine.ts';
import { convolutionStep } from './convolution.ts';
import { denseSteps } from './dense.ts';
import { poolingStep } from './pooling.ts';
import { copySteps, sumSteps } from './rows.ts';
import type { Step } from './step.ts';
import { winogradStep } from './winograd.ts';

/** The steps that compute an operation. */
export function stepsOf(layout: Layout, featureMaps: FeatureMaps, operation: Operation): Step[] {
  const inputs = operation.inputs.map((name) => featureMaps.of(name));
  const [input] = inputs as [FeatureMap];
  const output = featureMaps.of(operation.name);
  switch (operation.kind) {
    case 'convolution':
      return [(usesWinograd(operation) ? winogradStep : convolutionStep)(layout, input, output, operation)];
    case 'pool':
      return [poolingStep(input, output, operation)];
    case 'dense':
      return denseSteps(layout, input, output, operation);
    case 'activation':
      return [...copySteps(input, output), activationStep(output, operation.function)];
    case 'affine':
      return [...copySteps(input, output), affineStep(layout, output, operation)];
    case 'sum':
      return sumSteps(inputs, output);
  }
}
