import { UserError } from '#errors/user-error.ts';
import { sizeOf } from '#models/size-of.ts';
import { freeMemory } from '../../data/free-memory.ts';
import type { Net } from '../../nets/net.ts';
import { shapesOf } from '../../nets/shapes.ts';
import type { Precision } from '../../recipe/precision.ts';
import type { EngineOptions } from '../engine.ts';

type StepSize = Pick<EngineOptions, 'net' | 'batchSize'>;

/** Memory of a step as a multiple of the estimate: 2.4 to 2.8 were measured with airbench's nets at batch 512. */
const REST = 3;

/** A step needs more memory than there is; it changed nothing. */
class OutOfMemory extends UserError {
  override readonly name = 'OutOfMemory';

  /** @param smaller a batch size to try; less than 1 if there is none */
  constructor(needed: string, smaller: number, cause?: Error) {
    const remedy = smaller >= 1 ? `Try --set batchSize=${smaller}, or` : 'Try';
    super(`${needed} ${remedy} narrower --set widths, or a machine with more memory.`, { cause });
  }
}

/**
 * Linux grants memory that it does not have and kills the process without a message once it is used. A step that can never fit
 * is therefore refused before anything is allocated.
 *
 * @throws {OutOfMemory} a step needs more memory than this machine has, or than the container may use
 */
export function checkMemory({ net, batchSize }: StepSize, precision: Precision): void {
  const anImage = bytesAnImage(net, precision);
  const left = freeMemory();
  if (batchSize * anImage <= left) return;
  throw new OutOfMemory(
    `A step of batchSize=${batchSize} needs ${gigabytes(batchSize * anImage)} at least, and ${gigabytes(left)} are free.`,
    powerOfTwoWithin(left / anImage / REST),
  );
}

/** @throws {OutOfMemory} TensorFlow could not allocate what the step needs */
export function withMemory<Result>({ batchSize }: StepSize, step: () => Result): Result {
  try {
    return step();
  } catch (error) {
    if (error instanceof Error && /OOM when allocating|Out of memory/.test(error.message)) {
      const needed = `There is not enough memory for a step of batchSize=${batchSize}.`;
      throw new OutOfMemory(needed, powerOfTwoWithin(batchSize / 2), error);
    }
    throw error;
  }
}

/**
 * What convolutions and normalizations compute is kept for the gradients; of values that are added up, only their sum. An
 * estimate from below.
 */
function bytesAnImage(net: Net, precision: Precision): number {
  const layers = shapesOf(net);
  const added = new Set(layers.flatMap(({ layer, inputs }) => (layer.kind === 'add' ? inputs : [])));
  const kept = layers.filter(
    ({ layer: { kind, name } }) =>
      kind === 'add' || ((kind === 'convolution' || kind === 'batch-normalization') && !added.has(name)),
  );
  return (precision === 'float32' ? 4 : 2) * kept.reduce((sum, { output }) => sum + sizeOf(output), 0);
}

function powerOfTwoWithin(most: number): number {
  return 2 ** Math.floor(Math.log2(most));
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
