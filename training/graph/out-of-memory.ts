import { UserError } from '#errors/user-error.ts';
import type { EngineOptions } from '../engine.ts';
import { shapesOf } from '../nets/shapes.ts';

/** There is no memory for a step; nothing was changed by it. */
class OutOfMemory extends UserError {
  override readonly name = 'OutOfMemory';

  constructor(options: EngineOptions, cause: Error) {
    const { batchSize } = options;
    const megabytes = Math.ceil((batchSize * bytesAnImage(options)) / 1e6);
    const smaller = 2 ** Math.floor(Math.log2(batchSize / 2));
    const remedy = smaller >= 1 ? `Try --set batchSize=${smaller}, which takes half or less, or` : 'Try';
    super(
      `There is not enough memory for a step of batchSize=${batchSize}: what flows between its layers is, in float32, about ` +
        `${megabytes} MB. ${remedy} narrower --set widths, or a machine with more memory.`,
      { cause },
    );
  }
}

/** @throws {OutOfMemory} TensorFlow could not allocate what the step needs */
export function withMemory<Result>(options: EngineOptions, step: () => Result): Result {
  try {
    return step();
  } catch (error) {
    if (error instanceof Error && /OOM when allocating|Out of memory/.test(error.message)) {
      throw new OutOfMemory(options, error);
    }
    throw error;
  }
}

/** What the layers give, kept for the gradients as float32: an estimate from below. */
function bytesAnImage({ net }: EngineOptions): number {
  const values = shapesOf(net).map(({ output }) => output.reduce((size, dimension) => size * dimension, 1));
  return 4 * values.reduce((sum, count) => sum + count, 0);
}
