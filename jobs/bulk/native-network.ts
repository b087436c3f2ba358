import { IMAGE, type LoweredModel, type Operation } from '#inference/engine/model/operation.ts';
import { sizeOf } from '#models/size-of.ts';
import { Graph, type Value } from '#training/engine/graph/builder/graph.ts';
import { elu, gelu, relu, silu } from '#training/engine/graph/operations/activations.ts';
import { cast } from '#training/engine/graph/operations/arithmetic.ts';
import { addBias } from '#training/engine/graph/operations/convolution.ts';
import { matmul } from '#training/engine/graph/operations/matmul.ts';
import { reshape } from '#training/engine/graph/operations/shape.ts';
import { openSession } from '#training/engine/graph/session.ts';
import type { TensorFlow } from '#training/engine/tensorflow.ts';

/** Images that a run of the graph computes; fewer are filled up, so that one graph does for all. */
export const NATIVE_BATCH = 64;

/** A model in native TensorFlow. */
export interface NativeNetwork {
  /**
   * @param pixels `[N, height, width, channels]` uint8, any N
   * @returns `[N, classes]`
   */
  logits(pixels: Uint8Array): Float32Array;
  dispose(): void;
}

/**
 * A model as one graph of native TensorFlow, in float32: the operations that the WebAssembly engine runs, by TensorFlow's kernels.
 * On processors with AVX2 or AVX-512 these compute eight or sixteen numbers at a time, and WebAssembly four.
 */
export function openNativeNetwork(tensorflow: Pick<TensorFlow, 'binding'>, model: LoweredModel): NativeNetwork {
  const { input, preparation, operations, classes } = model;
  const graph = new Graph({ compileFunctions: false });
  const shape = [NATIVE_BATCH, input.height, input.width, input.channels];
  const images = graph.placeholder('images', shape, 'uint8');
  const prepared = affine(graph, cast(graph, images, 'float32'), preparation);
  const values = new Map<string, Value>([[IMAGE, prepared]]);
  for (const operation of operations) {
    const inputs = operation.inputs.map((name) => values.get(name)!);
    values.set(operation.name, apply(graph, operation, inputs as [Value, ...Value[]]));
  }
  const logits = reshape(graph, values.get(operations.at(-1)!.name)!, [NATIVE_BATCH, classes]);
  const session = openSession(tensorflow, graph);

  const size = sizeOf(shape) / NATIVE_BATCH;
  const filled = new Uint8Array(NATIVE_BATCH * size);
  return {
    logits(pixels) {
      const count = pixels.length / size;
      const found = new Float32Array(count * classes);
      for (let first = 0; first < count; first += NATIVE_BATCH) {
        const given = pixels.subarray(first * size, (first + NATIVE_BATCH) * size);
        filled.set(given);
        const [computed] = session.run([[images, filled]], [logits]);
        found.set(computed!.subarray(0, (given.length / size) * classes), first * classes);
      }
      return found;
    },
    dispose: () => session.dispose(),
  };
}

function apply(graph: Graph, operation: Operation, [value, ...others]: readonly [Value, ...Value[]]): Value {
  switch (operation.kind) {
    case 'convolution': {
      const { kernel, bias, stride, isRectified } = operation;
      const weights = graph.constant({ type: 'float32', shape: [...kernel.shape], values: kernel.data });
      const [height, width] = kernel.shape as [number, number];
      const windows = { height, width };
      const product = windowed(graph, operation, [value, weights], windows, { height: stride, width: stride });
      return rectified(graph, addBias(graph, product, vector(graph, bias)), isRectified);
    }
    case 'pool':
      return windowed(graph, operation, [value], operation.size, operation.stride);
    case 'dense': {
      const { kernel, bias, isRectified } = operation;
      const weights = graph.constant({ type: 'float32', shape: [...kernel.shape], values: kernel.data });
      const rows = reshape(graph, value, [NATIVE_BATCH, kernel.shape[0]!]);
      return rectified(graph, addBias(graph, matmul(graph, rows, weights), vector(graph, bias)), isRectified);
    }
    case 'activation':
      return { relu, gelu, silu, elu }[operation.function](graph, value);
    case 'affine':
      return affine(graph, value, operation);
    case 'sum':
      return others.reduce((sum, other) => binary(graph, 'AddV2', sum, other), value);
  }
}

const names = { convolution: 'Conv2D', max: 'MaxPool', average: 'AvgPool' } as const;

/** A convolution or a pooling. Its padding is one of TensorFlow's two: the one that gives as many windows. */
function windowed(
  graph: Graph,
  operation: Extract<Operation, { readonly kind: 'convolution' | 'pool' }>,
  inputs: readonly Value[],
  size: { readonly height: number; readonly width: number },
  stride: { readonly height: number; readonly width: number },
): Value {
  const [, height = 0, width = 0] = inputs[0]!.shape;
  const { output, padding } = operation;
  const fits = (length: number, window: number, step: number) => Math.floor((length - window) / step) + 1;
  const isValid =
    padding.top === 0 &&
    padding.left === 0 &&
    output.height === fits(height, size.height, stride.height) &&
    output.width === fits(width, size.width, stride.width);
  return graph.value({
    op: names[operation.kind === 'pool' ? operation.function : 'convolution'],
    inputs,
    shape: [NATIVE_BATCH, output.height, output.width, output.channels],
    attributes: {
      T: { type: 'float32' },
      strides: { integers: [1, stride.height, stride.width, 1] },
      padding: isValid ? 'VALID' : 'SAME',
      data_format: 'NHWC',
      ...(operation.kind === 'pool' && { ksize: { integers: [1, size.height, size.width, 1] } }),
    },
  });
}

function rectified(graph: Graph, value: Value, isRectified: boolean): Value {
  return isRectified ? relu(graph, value) : value;
}

/** `x scale + shift`, by channel, or by value of an image. */
function affine(
  graph: Graph,
  value: Value,
  { scale, shift }: { readonly scale: readonly number[]; readonly shift: readonly number[] },
): Value {
  const shape = scale.length === value.shape.at(-1) ? [scale.length] : value.shape.slice(1);
  const constant = (values: readonly number[]) =>
    graph.constant({ type: 'float32', shape, values: Float32Array.from(values) });
  return binary(graph, 'AddV2', binary(graph, 'Mul', value, constant(scale)), constant(shift));
}

function binary(graph: Graph, op: 'AddV2' | 'Mul', one: Value, other: Value): Value {
  return graph.value({ op, inputs: [one, other], shape: one.shape, attributes: { T: { type: 'float32' } } });
}

function vector(graph: Graph, values: Float32Array): Value {
  return graph.constant({ type: 'float32', shape: [values.length], values });
}
