import type { Call } from '../kernels/runtime.ts';
import type { FeatureMap } from '../memory/feature-map.ts';
import { eachImage, type Step } from './step.ts';

/** Copies a feature map to another of the same shape. */
export function copyStep(input: FeatureMap, output: FeatureMap): Step {
  return rowsStep('copy', input, output);
}

/** Copies the input of an operation that works in place, unless it is there already. */
export function copySteps(input: FeatureMap, output: FeatureMap): Step[] {
  return input === output ? [] : [copyStep(input, output)];
}

/** The sum of feature maps, of which one may be the output. */
export function sumSteps(inputs: readonly FeatureMap[], output: FeatureMap): Step[] {
  const isInPlace = inputs.includes(output);
  const others = isInPlace ? inputs.filter((each) => each !== output) : inputs.slice(1);
  return [
    ...(isInPlace ? [] : [copyStep(inputs[0]!, output)]),
    ...others.map((each) => rowsStep('accumulate', each, output)),
  ];
}

function rowsStep(kernel: 'copy' | 'accumulate', input: FeatureMap, output: FeatureMap): Step {
  return (images) =>
    eachImage(
      images,
      (image): Call => ({
        ...{ kernel, input: input.address + image * input.image, inputRow: input.row },
        ...{ output: output.address + image * output.image, outputRow: output.row },
        ...{ rows: input.height, vectors: (input.width * input.paddedChannels) / 4 },
      }),
    );
}
