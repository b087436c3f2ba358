import { Message } from './message.ts';

/** Values by name, float32. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** How a window moves over a picture: what it skips, and zeros around it. */
export interface Window {
  readonly stride: number;
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
}

const FLOAT = 1;
const UINT8 = 2;
/** The first that has GELU; ONNX Runtime has it from 1.17, of 2024. */
const OPERATOR_SET = 20;
const IR_VERSION = 9;

/**
 * An ONNX model, node by node. Each method adds a node and returns the name of what it gives, which is that of the node.
 *
 * ONNX computes with channels first. Pictures are `[N, C, H, W]` within, from `pictures` to `flatten`; weights are taken as
 * TensorFlow has them.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export class OnnxGraph {
  readonly #graph = new Message();

  /** Adds the input, uint8 `[N, height, width, channels]`, and makes pictures of it: x scale + shift, for each channel. */
  pictures(
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

  maxPooling(name: string, from: string, { size, stride, pads }: { readonly size: number } & Window): string {
    return this.#node('MaxPool', [from], name, [
      integers('kernel_shape', [size, size]),
      integers('pads', pads),
      integers('strides', [stride, stride]),
    ]);
  }

  /** Of a picture, in the order that TensorFlow has: channels last. */
  flatten(name: string, from: string): string {
    const turned = this.#node('Transpose', [from], `${name}/channels-last`, [integers('perm', [0, 2, 3, 1])]);
    return this.#node('Flatten', [turned], name);
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

  /** Times a constant. */
  scale(name: string, from: string, by: number): string {
    return this.#node('Mul', [from, this.#vector(`${name}/by`, [by])], name);
  }

  sum(name: string, one: string, other: string): string {
    return this.#node('Add', [one, other], name);
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

  /** @returns the file; to be called once, after everything else */
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
    const message = new Message();
    for (const size of shape) message.number(1, size);
    message.number(2, FLOAT).text(8, name);
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
