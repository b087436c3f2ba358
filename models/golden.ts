import * as z from 'zod/mini';
import type { Card } from './card.ts';

const fraction = z.number().check(z.minimum(0), z.maximum(1));

/**
 * A few test images and the probabilities that training computed for them: `golden.json` of a version. A reader that cannot
 * reproduce them within the tolerance has another model, runtime or preprocessing, and refuses the version.
 */
export const Golden = z.object({
  /** The largest acceptable absolute difference of a probability. */
  tolerance: z.number().check(z.positive(), z.lt(1)),
  images: z
    .array(
      z.object({
        /** Raw `[height, width, channels]` uint8, row-major, in Base64. */
        pixels: z.base64(),
        /** The true class's name. */
        label: z.string(),
        /** In the order of `card.classes`. */
        probabilities: z.array(fraction),
      }),
    )
    .check(z.minLength(1)),
});
export type Golden = z.infer<typeof Golden>;

/** @returns `[N, height, width, channels]` uint8 */
export function goldenPixels(golden: Golden): Uint8Array {
  return new Uint8Array(Buffer.concat(golden.images.map(({ pixels }) => Buffer.from(pixels, 'base64'))));
}

/**
 * The difference between a runtime's probabilities and training's.
 *
 * @param probabilities `[N, classes]`, for the images of `goldenPixels` in their order
 * @returns the largest absolute difference of a probability; Infinity if one is missing or not a number
 */
export function goldenDifference(golden: Golden, probabilities: ArrayLike<number>): number {
  const expected = golden.images.flatMap((image) => image.probabilities);
  if (probabilities.length !== expected.length) return Number.POSITIVE_INFINITY;
  const differences = expected.map((value, index) => Math.abs(value - (probabilities[index] ?? Number.NaN)));
  return differences.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(...differences);
}

/** @returns why the golden vectors do not fit a model of this card, or `undefined` if they do */
export function goldenProblem(golden: Golden, { classes, input }: Card): string | undefined {
  const bytes = input.height * input.width * input.channels;
  for (const [index, image] of golden.images.entries()) {
    const found = Buffer.from(image.pixels, 'base64').length;
    if (found !== bytes) return `images.${index}.pixels has ${found} bytes instead of ${bytes}`;
    if (!classes.includes(image.label)) return `images.${index}.label is not a class: ${image.label}`;
    if (image.probabilities.length !== classes.length) {
      return `images.${index}.probabilities has ${image.probabilities.length} members for ${classes.length} classes`;
    }
  }
  return undefined;
}
