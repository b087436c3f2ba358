import type { Graph, Value } from '../builder/graph.ts';
import { gelu, geluGradient, silu, siluGradient } from './activations.ts';
import { cast, multiply, sumOver, toFloat } from './arithmetic.ts';
import { addBias, convolution } from './convolution.ts';
import { kernelGradient } from './kernel-gradient.ts';
import type { ConvolutionOptions } from './sliding.ts';

const smooth = {
  gelu: { apply: gelu, gradient: geluGradient },
  silu: { apply: silu, gradient: siluGradient },
} as const;

export type SmoothActivation = keyof typeof smooth;

export function isSmooth(name: string): name is SmoothActivation {
  return Object.hasOwn(smooth, name);
}

/**
 * `convolution(activation(fixed + bias), kernel)`, where `fixed` takes no gradient. It gives what those three give one
 * after the other, and the same gradients, but that of the bias sooner.
 *
 * One after the other, the gradient passes through the convolution to every pixel, there is multiplied by the slope of the
 * activation, and is summed over all pixels. That sum changes places with the one that a convolution is: what is left is
 * the gradient of a kernel, were the slopes the images, times the kernel. With airbench's whitening layer, 24 channels wide
 * and batches of 512, it takes less than half the time.
 *
 * @param options.fixed `[N, H, W, in]`
 * @param options.bias `[in]`
 * @param options.kernel `[height, width, in, out]`
 * @returns `[N, H', W', out]`
 */
export function convolutionOfBiased(
  graph: Graph,
  options: ConvolutionOptions & {
    readonly fixed: Value;
    readonly bias: Value;
    readonly activation: SmoothActivation;
    readonly kernel: Value;
  },
): Value {
  const { fixed, bias, activation, kernel } = options;
  const { apply, gradient } = smooth[activation];
  const biased = addBias(graph, fixed, withoutGradient(graph, bias)); // [N, H, W, in]
  const convolved = convolution(graph, apply(graph, biased), kernel, options); // [N, H', W', out]
  const { outputs } = graph.add({
    op: 'IdentityN',
    inputs: [convolved, bias],
    outputs: [convolved, bias],
    attributes: { T: { types: [convolved.type, bias.type] } },
    gradient: (upstream) => [
      () => upstream,
      () => {
        const slopes = gradient(graph, biased, cast(graph, graph.scalar(1), biased.type)); // [N, H, W, in]
        const ofKernel = kernelGradient(graph, slopes, kernel.shape, upstream, options); // [height, width, in, out]
        const products = multiply(graph, toFloat(graph, ofKernel), toFloat(graph, kernel));
        return cast(graph, sumOver(graph, products, [0, 1, 3]), bias.type); // [in]
      },
    ],
  });
  return outputs[0] as Value;
}

function withoutGradient(graph: Graph, value: Value): Value {
  const { shape, type } = value;
  return graph.value({ op: 'StopGradient', inputs: [value], shape, type, attributes: { T: { type } } });
}
