import { sizeOf } from '#models/size-of.ts';
import type { LoweredModel, Operation, Shape } from '../model/operation.ts';

/** The most images that an operation computes together; its weights are read once for all of them. */
export const BATCH_SIZE = 8;

/**
 * How many operations, from the first, run unbatched: on one image after the other. Early feature maps are larger than the
 * weights: those of one image fit in a processor's cache, those of several evict each other. Images are batched from the
 * first operation whose weights are larger than its inputs and output.
 */
export function countUnbatched({ input, operations }: LoweredModel): number {
  const shapes = new Map(operations.map(({ name, output }) => [name, output]));
  const batched = operations.findIndex((operation) => {
    const read = operation.inputs.map((name) => shapes.get(name) ?? input);
    return weightsOf(operation) > [...read, operation.output].map(valuesOf).reduce((sum, count) => sum + count);
  });
  return batched < 0 ? operations.length : batched;
}

function weightsOf(operation: Operation): number {
  return operation.kind === 'convolution' || operation.kind === 'dense' ? operation.kernel.data.length : 0;
}

function valuesOf({ height, width, channels }: Shape): number {
  return sizeOf([height, width, channels]);
}
