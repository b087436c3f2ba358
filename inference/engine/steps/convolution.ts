import { BLOCK } from '../kernels/product.ts';
import type { FeatureMap } from '../memory/feature-map.ts';
import type { Layout } from '../memory/layout.ts';
import type { Convolution } from '../model/operation.ts';
import { packWeights, padChannels } from './pack.ts';
import { LOWEST, type Step } from './step.ts';

/** A convolution as products: one for each column of the outputs, or for each image. */
export function convolutionStep(
  layout: Layout,
  input: FeatureMap,
  output: FeatureMap,
  { kernel, bias: biases, stride, padding, isRectified }: Convolution,
): Step {
  const [windowRows, windowColumns, inputs, outputs] = kernel.shape as [number, number, number, number];
  const paddedInputs = input.paddedChannels;
  const pixels = windowRows * windowColumns;
  const weights = layout.constant(packWeights(kernel.data, { outputs, inputs, pixels, paddedInputs }));
  const bias = layout.constant(padChannels(biases));
  const first = input.address - padding.top * input.row - padding.left * input.pixel;
  return ({ from, count }) => {
    const images = { count, input: input.image, output: output.image };
    const columns = { count: output.width, input: stride * input.pixel, output: output.pixel };
    // A product computes several outputs together: neighbours in a row, or one column of all images where rows are shorter.
    const [outer, inner] = count > output.width ? [columns, images] : [images, columns];
    return [
      {
        ...{ kernel: 'product', matrices: outer.count, inputMatrix: outer.input, weightsMatrix: 0 },
        ...{ outputMatrix: outer.output, input: first + from * input.image },
        ...{ rows: output.height, inputRow: stride * input.row, pixels: inner.count, inputPixel: inner.input },
        ...{ segments: windowRows, inputSegment: input.row, length: windowColumns * paddedInputs },
        ...{ weights, bias, blocks: output.paddedChannels / BLOCK },
        ...{ output: output.address + from * output.image, outputRow: output.row, outputPixel: inner.output },
        lower: isRectified ? 0 : LOWEST,
      },
    ];
  };
}
