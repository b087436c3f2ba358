import { Message } from '../../protobuf/message.ts';

/** A float32 tensor. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** How a window moves over a feature map: its stride, and the padding around the map. */
export interface Window {
  readonly stride: number;
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
}

const FLOAT = 1;
const UINT8 = 2;
const INT64 = 7;
/** The first with GELU; ONNX Runtime has it from 1.17, of 2024. */
const OPERATOR_SET = 20;
const IR_VERSION = 9;

/**
 * Builds an ONNX model node by node. Each method adds a node and returns the name of its output, which is the node's name.
 *
 * ONNX computes with channels first: feature maps are `[N, C, H, W]`, from `imageInput` to `flatten` or `globalPooling`.
 * Weights are given in TensorFlow's layout.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export class OnnxGraph {
  readonly #graph = new Message();

  /** Adds the input, uint8 `[N, height, width, channels]`, and returns x scale + shift, per channel, channels first. */
  imageInput(
    name: string,
    [height, width, channels]: readonly [number, number, number],
    { scale, shift }: { readonly scale: readonly number[]; readonly shift: readonly number[] },
  ): string {
    this.#graph.message(11, value(name, UINT8, [undefined, height, width, channels]));
    const cast = this.#node('Cast', [name], `${name}/cast`, [integer('to', FLOAT)]);
    const scaled = this.#node('Mul', [cast, this.#vector(`${name}/scale`, scale)], `${name}/scaled`);
    const shifted = this.#node('Add', [scaled, this.#vector(`${name}/shift`, shift)], `${name}/shifted`);
    return this.#node('Transpose', [shifted], `${name}/channels-first`, [integers('perm', [0, 3, 1, 2])]);
  }

  /** @param kernel `[height, width, in, out]` @param bias `[out]` */
  convolution(
    name: string,
    from: string,
    { kernel, bias, stride, pads }: { readonly kernel: Weight; readonly bias?: Float32Array | undefined } & Window,
  ): string {
    const weights = [this.#weight(`${name}/kernel`, filtersFirst(kernel))];
    if (bias !== undefined) weights.push(this.#vector(`${name}/bias`, bias));
    return this.#node('Conv', [from, ...weights], name, [
      integers('pads', pads),
      integers('strides', [stride, stride]),
    ]);
  }

  /** @param statistics each `[channels]` */
  batchNormalization(
    name: string,
    from: string,
    statistics: Readonly<Record<'gamma' | 'beta' | 'mean' | 'variance', ArrayLike<number>>>,
    epsilon: number,
  ): string {
    const { gamma, beta, mean, variance } = statistics;
    const weights = Object.entries({ gamma, beta, mean, variance }).map(([role, values]) =>
      this.#vector(`${name}/${role}`, values),
    );
    return this.#node('BatchNormalization', [from, ...weights], name, [real('epsilon', epsilon)]);
  }

  maxPooling(name: string, from: string, window: { readonly size: number } & Window): string {
    return this.#node('MaxPool', [from], name, pooling(window));
  }

  /** Padding is not counted. */
  averagePooling(name: string, from: string, window: { readonly size: number } & Window): string {
    return this.#node('AveragePool', [from], name, [...pooling(window), integer('count_include_pad', 0)]);
  }

  /** `[N, C, H, W]` to `[N, C]`. */
  globalPooling(name: string, from: string, which: 'max' | 'average'): string {
    const kind = { max: 'GlobalMaxPool', average: 'GlobalAveragePool' }[which];
    return this.#node('Flatten', [this.#node(kind, [from], `${name}/pooled`)], name);
  }

  /** Every `stride`-th pixel, and `channels` more channels, of zeros. */
  paddedShortcut(
    name: string,
    from: string,
    { stride, channels }: { readonly stride: number; readonly channels: number },
  ): string {
    const pixels = this.maxPooling(`${name}/pixels`, from, { size: 1, stride, pads: [0, 0, 0, 0] });
    return this.#node('Pad', [pixels, this.#integers(`${name}/pads`, [0, 0, 0, 0, 0, channels, 0, 0])], name);
  }

  /** A feature map as one row, in TensorFlow's order: channels last. */
  flatten(name: string, from: string): string {
    const transposed = this.#node('Transpose', [from], `${name}/channels-last`, [integers('perm', [0, 2, 3, 1])]);
    return this.#node('Flatten', [transposed], name);
  }

  /** @param kernel `[in, out]` @param bias `[out]` */
  dense(name: string, from: string, kernel: Weight, bias?: Float32Array): string {
    const weights = [this.#weight(`${name}/kernel`, kernel)];
    if (bias !== undefined) weights.push(this.#vector(`${name}/bias`, bias));
    return this.#node('Gemm', [from, ...weights], name);
  }

  activation(name: string, from: string, which: 'relu' | 'gelu' | 'elu' | 'silu'): string {
    if (which === 'silu') return this.#node('Mul', [from, this.#node('Sigmoid', [from], `${name}/sigmoid`)], name);
    return this.#node({ relu: 'Relu', gelu: 'Gelu', elu: 'Elu' }[which], [from], name);
  }

  /** Multiplies by a constant. */
  scale(name: string, from: string, by: number): string {
    return this.#node('Mul', [from, this.#vector(`${name}/by`, [by])], name);
  }

  /** @param inputs two or more, of one shape */
  sum(name: string, inputs: readonly string[]): string {
    const last = inputs.length - 1;
    return inputs.reduce((sum, input, index) =>
      this.#node('Add', [sum, input], index === last ? name : `${name}/${index}`),
    );
  }

  /** Adds an output, float32 `[N, classes]`. */
  output(name: string, from: string, classes: number): string {
    this.#graph.message(12, value(name, FLOAT, [undefined, classes]));
    return this.#node('Identity', [from], name);
  }

  /** Adds the output softmax(from), float32 `[N, classes]`. */
  softmaxOutput(name: string, from: string, classes: number): string {
    this.#graph.message(12, value(name, FLOAT, [undefined, classes]));
    return this.#node('Softmax', [from], name, []);
  }

  /** Returns the file. Call it once, after all other methods. */
  encode(name: string, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    const model = new Message()
      .number(1, IR_VERSION)
      .text(2, 'cifar10')
      .message(7, this.#graph.text(2, name))
      .message(8, new Message().text(1, '').number(2, OPERATOR_SET));
    for (const [key, text] of Object.entries(metadata)) model.message(14, new Message().text(1, key).text(2, text));
    return model.encode();
  }

  #node(kind: string, inputs: readonly string[], output: string, attributes: readonly Message[] = []): string {
    const message = new Message();
    for (const name of inputs) message.text(1, name);
    message.text(2, output).text(3, output).text(4, kind);
    for (const attribute of attributes) message.message(5, attribute);
    this.#graph.message(1, message);
    return output;
  }

  #vector(name: string, values: ArrayLike<number>): string {
    return this.#weight(name, { shape: [values.length], data: Float32Array.from(values) });
  }

  #weight(name: string, { shape, data }: Weight): string {
    return this.#tensor(name, FLOAT, shape, data);
  }

  #integers(name: string, values: readonly number[]): string {
    return this.#tensor(name, INT64, [values.length], BigInt64Array.from(values, BigInt));
  }

  #tensor(name: string, type: number, shape: readonly number[], data: Float32Array | BigInt64Array): string {
    const message = new Message();
    for (const size of shape) message.number(1, size);
    message.number(2, type).text(8, name);
    this.#graph.message(5, message.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
    return name;
  }
}

/** From `[height, width, in, out]` to `[out, in, height, width]`. */
function filtersFirst({ shape, data }: Weight): Weight {
  const [rows, columns, inputs, filters] = shape as readonly [number, number, number, number];
  const kernel = new Float32Array(data.length);
  data.forEach((value, index) => {
    const filter = index % filters;
    const channel = Math.floor(index / filters) % inputs;
    const window = Math.floor(index / filters / inputs);
    kernel[(filter * inputs + channel) * rows * columns + window] = value;
  });
  return { shape: [filters, inputs, rows, columns], data: kernel };
}

function pooling({ size, stride, pads }: { readonly size: number } & Window): Message[] {
  return [integers('kernel_shape', [size, size]), integers('pads', pads), integers('strides', [stride, stride])];
}

function integer(name: string, value: number): Message {
  return new Message().text(1, name).number(3, value).number(20, 2);
}

function integers(name: string, values: readonly number[]): Message {
  const message = new Message().text(1, name);
  for (const value of values) message.number(8, value);
  return message.number(20, 7);
}

function real(name: string, value: number): Message {
  return new Message().text(1, name).float(2, value).number(20, 1);
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
