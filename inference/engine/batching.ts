import type { LoweredModel, Operation, Shape } from './operation.ts';

/** Images that go through an operation together at the most, so that its weights are read once for all of them. */
export const TOGETHER = 8;

/**
 * How many of the operations, from the first one on, an image goes through alone. The pictures at the beginning are larger
 * than the weights: those of one image fit in a processor's cache, those of several drive each other out. From the first
 * operation on whose weights are larger than what it reads and writes, images go together.
 */
export function countAlone({ input, operations }: LoweredModel): number {
  const shapes = new Map(operations.map(({ name, output }) => [name, output]));
  const found = operations.findIndex((operation) => {
    const read = operation.inputs.map((name) => shapes.get(name) ?? input);
    return weightsOf(operation) > [...read, operation.output].map(numbersOf).reduce((sum, count) => sum + count);
  });
  return found < 0 ? operations.length : found;
}

function weightsOf(operation: Operation): number {
  return operation.kind === 'convolution' || operation.kind === 'dense' ? operation.kernel.data.length : 0;
}

function numbersOf({ height, width, channels }: Shape): number {
  return height * width * channels;
}
