import { IMAGE, type LoweredModel, type Operation, type Shape } from '#inference/engine/model/operation.ts';
import { OnnxGraph, type Window } from '#training/export/onnx/graph.ts';

/** What an operation gives: its name in the graph, and its shape. */
interface Value {
  readonly name: string;
  readonly shape: Shape;
  readonly isFlat: boolean;
}

/**
 * What our engine runs, folded as it has it, for ONNX Runtime: from uint8 `[N, height, width, channels]`, named `images`, to
 * `logits`.
 */
export function onnxModel({ input, preparation, operations, classes }: LoweredModel): Uint8Array {
  const graph = new OnnxGraph();
  const pictures = graph.imageInput('images', [input.height, input.width, input.channels], preparation);
  const values = new Map<string, Value>([[IMAGE, { name: pictures, shape: input, isFlat: false }]]);
  let last = pictures;
  for (const operation of operations) {
    const read = operation.inputs.map((name) => values.get(name)!);
    last = add(graph, operation, read);
    const isFlat = operation.kind === 'dense' || read[0]!.isFlat;
    values.set(operation.name, { name: last, shape: operation.output, isFlat });
  }
  graph.output('logits', last, classes);
  return graph.encode('network');
}

function add(graph: OnnxGraph, operation: Operation, read: readonly Value[]): string {
  const name = `net/${operation.name}`;
  const [from] = read as [Value];
  const rectified = (product: string) => graph.activation(`${name}/relu`, product, 'relu');
  switch (operation.kind) {
    case 'convolution': {
      const { kernel, bias, stride, isRectified } = operation;
      const window = windowOf(operation, from.shape, kernel.shape[0]!, stride);
      const product = graph.convolution(name, from.name, { kernel, bias, ...window });
      return isRectified ? rectified(product) : product;
    }
    case 'pool': {
      const { size, stride } = operation;
      if (size.height !== size.width || stride.height !== stride.width)
        throw new Error(`${name}: pooling is written for ONNX with square windows and strides only.`);
      const window = { size: size.height, ...windowOf(operation, from.shape, size.height, stride.height) };
      return operation.function === 'max'
        ? graph.maxPooling(name, from.name, window)
        : graph.averagePooling(name, from.name, window);
    }
    case 'dense': {
      const flat = from.isFlat ? from.name : graph.flatten(`${name}/flat`, from.name);
      const product = graph.dense(name, flat, operation.kernel, operation.bias);
      return operation.isRectified ? rectified(product) : product;
    }
    case 'activation':
      return graph.activation(name, from.name, operation.function);
    case 'sum':
      return graph.sum(
        name,
        read.map((each) => each.name),
      );
    case 'affine':
      throw new Error(`${name}: a normalization that could not be folded is not written for ONNX.`);
  }
}

function windowOf(
  { output, padding: { top, left } }: Extract<Operation, { kind: 'convolution' | 'pool' }>,
  { height, width }: Shape,
  size: number,
  stride: number,
): Window {
  const bottom = (output.height - 1) * stride + size - height - top;
  const right = (output.width - 1) * stride + size - width - left;
  return { stride, pads: [top, left, Math.max(0, bottom), Math.max(0, right)] };
}
