import { BLOCK } from '../kernels/product.ts';
import { BATCH_SIZE } from '../memory/batching.ts';
import { type FeatureMap, noMargin } from '../memory/feature-map.ts';
import type { Layout } from '../memory/layout.ts';
import type { Dense } from '../model/operation.ts';
import { packWeights, padChannels } from './pack.ts';
import { copyStep } from './rows.ts';
import { LOWEST, type Step } from './step.ts';

/** All values of an image are one row of a product, without gaps: a feature map that has a margin is copied first. */
export function denseSteps(layout: Layout, input: FeatureMap, output: FeatureMap, operation: Dense): Step[] {
  if (input.bytes === input.height * input.width * input.pixel) return [denseStep(layout, input, output, operation)];
  const gathered = layout.featureMap(BATCH_SIZE, input, noMargin(input));
  return [copyStep(input, gathered), denseStep(layout, gathered, output, operation)];
}

function denseStep(layout: Layout, input: FeatureMap, output: FeatureMap, operation: Dense): Step {
  const { height, width, channels: inputs, paddedChannels: paddedInputs } = input;
  const outputs = operation.kernel.shape[1]!;
  const pixels = height * width;
  const weights = layout.constant(packWeights(operation.kernel.data, { outputs, inputs, pixels, paddedInputs }));
  const bias = layout.constant(padChannels(operation.bias));
  return ({ from, count }) => [
    {
      ...{ kernel: 'product', matrices: 1, inputMatrix: 0, weightsMatrix: 0, outputMatrix: 0 },
      ...{ input: input.address + from * input.image, rows: 1, inputRow: 0, pixels: count, inputPixel: input.image },
      ...{ segments: 1, inputSegment: 0, length: pixels * paddedInputs, weights, bias },
      ...{ blocks: output.paddedChannels / BLOCK, output: output.address + from * output.image, outputRow: 0 },
      ...{ outputPixel: output.image, lower: operation.isRectified ? 0 : LOWEST },
    },
  ];
}
