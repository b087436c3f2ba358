import type { Call } from '../kernels/runtime.ts';
import type { FeatureMap } from '../memory/feature-map.ts';
import type { Layout } from '../memory/layout.ts';
import type { Affine } from '../model/operation.ts';
import { padChannels } from './pack.ts';
import { each, eachImage, type Step } from './step.ts';

/** `x scale + shift`, in place, row by row. */
export function affineStep(layout: Layout, featureMap: FeatureMap, { scale, shift }: Affine): Step {
  const { height, width, channels, paddedChannels, address, row, pixel, image: imageBytes } = featureMap;
  const [scales, shifts] = [
    layout.constant(padChannels(scale, channels)),
    layout.constant(padChannels(shift, channels)),
  ];
  const vectors = paddedChannels / 4;
  // Every pixel has the same constants, or each row its own for all of its values.
  const [pixels, vectorsOfConstants, constantsOfRow] =
    scale.length === channels ? [width, vectors, 0] : [1, width * vectors, width * pixel];
  return (images) =>
    eachImage(images, (image) => address + image * imageBytes).flatMap((start) =>
      each(
        height,
        (y): Call => ({
          ...{ kernel: 'affine', address: start + y * row, pixels, pixelStride: pixel, vectors: vectorsOfConstants },
          ...{ scale: scales + y * constantsOfRow, shift: shifts + y * constantsOfRow },
        }),
      ),
    );
}
