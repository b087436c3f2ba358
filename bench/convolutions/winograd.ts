import { gradients } from '#training/engine/graph/gradients.ts';
import { multiply, sum } from '#training/engine/graph/operations/arithmetic.ts';
import { convolution } from '#training/engine/graph/operations/convolution.ts';
import { benchmarkForms, type Form, type Options, sliding } from './forms.ts';

const forms: Readonly<Record<string, Form>> = {
  'direct, both gradients': training(false),
  'Winograd, both gradients': training(true),
  direct: forward(false),
  Winograd: forward(true),
};

function training(isWinograd: boolean): Form {
  return {
    passes: 3,
    build(graph, { images, kernel, upstream }) {
      const convolved = convolution(graph, images, kernel, { ...sliding, winograd: () => isWinograd });
      const loss = sum(graph, multiply(graph, convolved, upstream));
      return [convolved, ...gradients(graph, loss, [images, kernel])];
    },
  };
}

function forward(isWinograd: boolean): Form {
  return {
    passes: 1,
    build: (graph, { images, kernel }) => [
      convolution(graph, images, kernel, { ...sliding, winograd: () => isWinograd }),
    ],
  };
}

/** Measures convolutions in float32 by their definition and by Winograd's method, with both gradients and without. */
export function benchmarkWinograd(options: Options): Promise<void> {
  return benchmarkForms('winograd', forms, options, ['float32']);
}
