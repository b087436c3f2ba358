import { BLOCK } from '../kernels/product.ts';
import type { Call } from '../kernels/runtime.ts';
import { POSITIONS, tiles, WINDOW } from '../kernels/winograd.ts';
import { BATCH_SIZE } from '../memory/batching.ts';
import type { FeatureMap } from '../memory/feature-map.ts';
import type { Layout } from '../memory/layout.ts';
import type { Convolution } from '../model/operation.ts';
import { packWeights, padChannels } from './pack.ts';
import { eachImage, LOWEST, type Step } from './step.ts';

/** A convolution by Winograd's transforms: 36 matrix products, of the tiles of all images. */
export function winogradStep(
  layout: Layout,
  input: FeatureMap,
  output: FeatureMap,
  { kernel, bias: biases, padding, isRectified }: Convolution,
): Step {
  const [, , inputs, outputs] = kernel.shape as [number, number, number, number];
  const paddedInputs = input.paddedChannels;
  const planeLength = paddedInputs * output.paddedChannels;
  const window = new Float32Array(WINDOW * planeLength);
  for (let pixel = 0; pixel < WINDOW; pixel++) {
    const filtersOfPixel = kernel.data.subarray(pixel * inputs * outputs, (pixel + 1) * inputs * outputs);
    window.set(packWeights(filtersOfPixel, { outputs, inputs, pixels: 1, paddedInputs }), pixel * planeLength);
  }
  const weights = layout.transformedFilters(window);
  const noBias = layout.constant(new Float32Array(output.paddedChannels));
  const bias = layout.constant(padChannels(biases));
  const [tileRows, tileColumns] = [tiles(output.height), tiles(output.width)];
  const count = tileRows * tileColumns;
  const [inTile, outTile] = [4 * paddedInputs, 4 * output.paddedChannels];
  const [inPlane, outPlane] = [planeBytes(BATCH_SIZE * count * inTile), planeBytes(BATCH_SIZE * count * outTile)];
  const scratch = layout.scratch(POSITIONS * inPlane, POSITIONS * outPlane);
  const first = input.address - padding.top * input.row - padding.left * input.pixel;
  return (images) => {
    const { first: inputTiles, second: outputTiles } = scratch();
    return [
      ...eachImage(
        images,
        (image, index): Call => ({
          ...{ kernel: 'transformInput', input: first + image * input.image, tileRows, inputRow: input.row },
          ...{ tileColumns, inputPixel: input.pixel, vectors: paddedInputs / 4 },
          ...{ output: inputTiles + index * count * inTile, plane: inPlane, outputTile: inTile },
        }),
      ),
      {
        ...{ kernel: 'product', matrices: POSITIONS, inputMatrix: inPlane, weightsMatrix: 4 * planeLength },
        ...{ outputMatrix: outPlane, input: inputTiles, rows: 1, inputRow: 0, pixels: images.count * count },
        ...{ inputPixel: inTile, segments: 1, inputSegment: 0, length: paddedInputs, weights, bias: noBias },
        ...{ blocks: output.paddedChannels / BLOCK, output: outputTiles, outputRow: 0, outputPixel: outTile },
        lower: LOWEST,
      },
      ...eachImage(
        images,
        (image, index): Call => ({
          ...{ kernel: 'transformOutput', input: outputTiles + index * count * outTile, plane: outPlane },
          ...{ inputTile: outTile, bias, vectors: output.paddedChannels / 4 },
          ...{ output: output.address + image * output.image, rows: output.height, outputRow: output.row },
          ...{ columns: output.width, outputPixel: output.pixel, lower: isRectified ? 0 : LOWEST },
        }),
      ),
    ];
  };
}

/**
 * Whole cache lines, and an odd number of them: the planes of a tile are accessed in turn, and a cache has few places for lines
 * that are a power of two apart.
 */
function planeBytes(bytes: number): number {
  return (Math.ceil(bytes / LINE) | 1) * LINE;
}

const LINE = 64;
