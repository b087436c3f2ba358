import type { Weight } from '#inference/engine/layers-model.ts';
import { IMAGE, type LoweredModel, type Operation, type Shape } from '#inference/engine/operation.ts';

/** A message of protocol buffers, field by field. */
class Message {
  readonly #bytes: number[] = [];
  readonly #large: { readonly at: number; readonly body: Uint8Array }[] = [];

  number(field: number, value: number): this {
    this.#varint(field << 3);
    this.#varint(value);
    return this;
  }

  bytes(field: number, body: Uint8Array): this {
    this.#varint((field << 3) | 2);
    this.#varint(body.length);
    this.#large.push({ at: this.#bytes.length, body });
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, message: Message): this {
    return this.bytes(field, message.encode());
  }

  encode(): Uint8Array {
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const { at, body } of this.#large) {
      pieces.push(Uint8Array.from(this.#bytes.slice(from, at)), body);
      from = at;
    }
    return Buffer.concat([...pieces, Uint8Array.from(this.#bytes.slice(from))]);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes.push((rest & 0x7f) | 0x80);
    this.#bytes.push(rest);
  }
}

const FLOAT = 1;
const UINT8 = 2;

/**
 * The same network for ONNX Runtime: from uint8 `[N, height, width, channels]`, named `images`, to `logits`. ONNX computes
 * with channels first, so pictures are transposed where they come in and before they are flattened.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export function onnxModel({ input, preparation, operations, classes }: LoweredModel): Uint8Array {
  const graph = new Message();
  const node: AddNode = (kind, inputs, output, attributes = []) => {
    const message = new Message();
    for (const name of inputs) message.text(1, name);
    message.text(2, output).text(3, output).text(4, kind);
    for (const attribute of attributes) message.message(5, attribute);
    graph.message(1, message);
    return output;
  };
  const tensor = (name: string, shape: readonly number[], values: Float32Array) => {
    const message = new Message();
    for (const size of shape) message.number(1, size);
    message.number(2, FLOAT).text(8, name);
    graph.message(5, message.bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)));
    return name;
  };

  node('Cast', ['images'], 'cast', [integer('to', FLOAT)]);
  node('Mul', ['cast', tensor('scale', [input.channels], Float32Array.from(preparation.scale))], 'scaled');
  node('Add', ['scaled', tensor('shift', [input.channels], Float32Array.from(preparation.shift))], 'shifted');
  /** Tensors without a height and a width. */
  const isFlat = new Set<string>();
  /** What each operation gives: the tensor's name and its shape. */
  const values = new Map<string, { readonly tensor: string; readonly shape: Shape }>();
  values.set(IMAGE, {
    tensor: node('Transpose', ['shifted'], 'channels-first', [integers('perm', [0, 3, 1, 2])]),
    shape: input,
  });
  for (const operation of operations) {
    const read = operation.inputs.map((name) => values.get(name)!);
    const [{ tensor: from, shape }] = read as [{ tensor: string; shape: Shape }];
    values.set(operation.name, {
      tensor: write(
        operation,
        read.map((each) => each.tensor),
        from,
        shape,
      ),
      shape: operation.output,
    });
  }
  node('Identity', [values.get(operations.at(-1)!.name)!.tensor], 'logits');
  graph.text(2, 'network');
  graph.message(11, value('images', UINT8, [undefined, input.height, input.width, input.channels]));
  graph.message(12, value('logits', FLOAT, [undefined, classes]));
  return new Message().number(1, 9).message(7, graph).message(8, new Message().text(1, '').number(2, 20)).encode();

  function write(operation: Operation, all: readonly string[], from: string, shape: Shape): string {
    const { name } = operation;
    switch (operation.kind) {
      case 'convolution': {
        const [rows, columns, inputs, filters] = operation.kernel.shape as [number, number, number, number];
        const weights = tensor(`${name}/kernel`, [filters, inputs, rows, columns], filtersFirst(operation.kernel));
        const { top, left } = operation.padding;
        const bottom = (operation.output.height - 1) * operation.stride + rows - shape.height - top;
        const right = (operation.output.width - 1) * operation.stride + columns - shape.width - left;
        const product = node('Conv', [from, weights, tensor(`${name}/bias`, [filters], operation.bias)], name, [
          integers('pads', [top, left, Math.max(0, bottom), Math.max(0, right)]),
          integers('strides', [operation.stride, operation.stride]),
        ]);
        return operation.isRectified ? node('Relu', [product], `${name}/relu`) : product;
      }
      case 'pool': {
        const sizes = [operation.size, operation.size];
        return node('MaxPool', [from], name, [integers('kernel_shape', sizes), integers('strides', sizes)]);
      }
      case 'dense': {
        const flat = isFlat.has(from) ? from : flatten(from, name);
        const kernel = tensor(`${name}/kernel`, operation.kernel.shape, operation.kernel.data);
        const product = node(
          'Gemm',
          [flat, kernel, tensor(`${name}/bias`, [operation.bias.length], operation.bias)],
          name,
        );
        const result = operation.isRectified ? node('Relu', [product], `${name}/relu`) : product;
        isFlat.add(result);
        return result;
      }
      case 'activation': {
        const result = activation(operation, node, from);
        if (isFlat.has(from)) isFlat.add(result);
        return result;
      }
      case 'sum':
        return all.slice(1).reduce((sum, each, index) => node('Add', [sum, each], `${name}/${index}`), from);
      case 'affine':
        throw new Error(`${name}: a normalization that could not be folded is not written for ONNX.`);
    }
  }

  function flatten(from: string, name: string): string {
    return node(
      'Flatten',
      [node('Transpose', [from], `${name}/channels-last`, [integers('perm', [0, 2, 3, 1])])],
      `${name}/flat`,
    );
  }
}

type AddNode = (kind: string, inputs: readonly string[], output: string, attributes?: readonly Message[]) => string;

/** From `[height, width, in, out]` to `[out, in, height, width]`. */
function filtersFirst({ shape, data }: Weight): Float32Array {
  const [rows, columns, inputs, filters] = shape as [number, number, number, number];
  const kernel = new Float32Array(data.length);
  data.forEach((value, index) => {
    const filter = index % filters;
    const channel = Math.floor(index / filters) % inputs;
    const window = Math.floor(index / filters / inputs);
    kernel[(filter * inputs + channel) * rows * columns + window] = value;
  });
  return kernel;
}

function activation(
  { name, function: which }: Extract<Operation, { kind: 'activation' }>,
  node: AddNode,
  from: string,
): string {
  if (which === 'silu') return node('Mul', [from, node('Sigmoid', [from], `${name}/sigmoid`)], name);
  return node({ relu: 'Relu', gelu: 'Gelu', elu: 'Elu' }[which], [from], name);
}

function integer(name: string, value: number): Message {
  return new Message().text(1, name).number(3, value).number(20, 2);
}

function integers(name: string, values: readonly number[]): Message {
  const message = new Message().text(1, name);
  for (const value of values) message.number(8, value);
  return message.number(20, 7);
}

/** @param shape `undefined` for any size */
function value(name: string, type: number, shape: readonly (number | undefined)[]): Message {
  const dimensions = new Message();
  for (const size of shape) {
    dimensions.message(1, size === undefined ? new Message().text(2, 'n') : new Message().number(1, size));
  }
  return new Message()
    .text(1, name)
    .message(2, new Message().message(1, new Message().number(1, type).message(2, dimensions)));
}
