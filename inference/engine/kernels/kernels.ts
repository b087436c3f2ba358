import { activations } from './activations.ts';
import { affine } from './affine.ts';
import type { MultiplyAdd } from './assembler.ts';
import { averagePool, maxPool } from './pooling.ts';
import { product } from './product.ts';
import { accumulate, copy } from './rows.ts';
import { transformFilters, transformInput, transformOutput } from './winograd-transforms.ts';

/** Every function that a network calls. */
export function kernelSources(multiplyAdd: MultiplyAdd) {
  return {
    product: product(multiplyAdd),
    maxPool,
    averagePool,
    ...activations(multiplyAdd),
    affine: affine(multiplyAdd),
    copy,
    accumulate,
    transformFilters: transformFilters(multiplyAdd),
    transformInput: transformInput(multiplyAdd),
    transformOutput: transformOutput(multiplyAdd),
  };
}
