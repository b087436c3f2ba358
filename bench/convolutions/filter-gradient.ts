import { UsageError } from '#errors/user-error.ts';
import type { Graph, Value } from '#training/engine/graph/builder/graph.ts';
import { add } from '#training/engine/graph/operations/arithmetic.ts';
import { convolution } from '#training/engine/graph/operations/convolution.ts';
import { kernelGradientBy } from '#training/engine/graph/operations/kernel-gradient.ts';
import { slice } from '#training/engine/graph/operations/shape.ts';
import type { Precision } from '#training/recipe/precision.ts';
import { benchmarkForms, type Form, type Options, sliding } from './forms.ts';

/** Parts of a batch whose gradients are summed, to see whether what stays in the caches is faster. */
const PARTS = 8;

const forms: Readonly<Record<string, Form>> = {
  convolution: inOne('convolution'),
  products: inOne('products'),
  [`convolution, ${PARTS} parts`]: inParts('convolution'),
  [`products, ${PARTS} parts`]: inParts('products'),
  forward: { passes: 1, build: (graph, { images, kernel }) => [convolution(graph, images, kernel, sliding)] },
};

function inOne(form: keyof typeof kernelGradientBy): Form {
  return {
    passes: 1,
    build: (graph, { images, kernel, upstream }) => [
      kernelGradientBy[form](graph, images, kernel.shape, upstream, sliding),
    ],
  };
}

function inParts(form: keyof typeof kernelGradientBy): Form {
  const part = (graph: Graph, value: Value, index: number) => {
    const [batch = 0, ...rest] = value.shape;
    const begin = graph.integers([(index * batch) / PARTS, ...rest.map(() => 0)]);
    return slice(graph, value, begin, [batch / PARTS, ...rest]);
  };
  return {
    passes: 1,
    build: (graph, { images, kernel, upstream }) => {
      const gradients = Array.from({ length: PARTS }, (_, index) => {
        const slopes = part(graph, upstream, index);
        return kernelGradientBy[form](graph, part(graph, images, index), kernel.shape, slopes, sliding);
      });
      return [gradients.reduce((total, each) => add(graph, total, each))];
    },
  };
}

/**
 * Measures the forms of the gradient of a kernel.
 *
 * @throws {UsageError} the batch cannot be split into parts, or there are no rounds
 */
export async function benchmarkFilterGradients(
  options: Options & { readonly precisions: readonly Precision[] },
): Promise<void> {
  const { batch, precisions } = options;
  if (batch < PARTS || batch % PARTS !== 0)
    throw new UsageError(`--batch must be a multiple of ${PARTS}, not ${batch}.`);
  await benchmarkForms('filter-gradient', forms, options, precisions, ['--precisions', ...precisions]);
}
