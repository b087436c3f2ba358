import { countAlone, TOGETHER } from './batching.ts';
import { BLOCK } from './kernels.ts';
import { Allocator, allocatePictures, type Margin, noMargin, type Picture, wholeBlocks } from './memory.ts';
import {
  type Affine,
  type Convolution,
  type Dense,
  IMAGE,
  type LoweredModel,
  type Operation,
  type Pooling,
  type Shape,
} from './operation.ts';
import { Pictures } from './pictures.ts';
import { type Call, type Machine, type Memory, startMachine } from './runtime.ts';
import { POSITIONS, tiles, usesWinograd, WINDOW } from './winograd.ts';

/** A model, laid out in WebAssembly's memory once and for all: nothing is made anew to answer. */
export interface Network {
  /**
   * @param pixels `[N, height, width, channels]` uint8, any N
   * @returns `[N, classes]`
   */
  logits(pixels: Uint8Array): Float32Array;
  /** Bytes of memory. */
  readonly bytes: number;
}

/** Of those that are laid out: from this one on, so many. */
interface Images {
  readonly from: number;
  readonly count: number;
}

/** What computes an operation for some images at once. */
type Step = (images: Images) => readonly Call[];

/** What is written to memory when there is one. */
interface Constant {
  readonly address: number;
  readonly data: Float32Array;
}

export async function openNetwork(model: LoweredModel): Promise<Network> {
  const { input: shape, operations, classes } = model;
  const layout = new Layout();
  const pictures = new Pictures(model, (...request) => layout.pictures(...request));
  const input = pictures.of(IMAGE);
  const steps = operations.map((operation) => stepsOf(layout, pictures, operation));
  const apart = countAlone(model);
  const [alone, together] = [steps.slice(0, apart).flat(), steps.slice(apart).flat()];
  const { memory, prepare } = await layout.start();
  const output = pictures.of(operations.at(-1)!.name);
  const tables = tablesOf(model);
  const program = (of: readonly Step[], images: Images) => prepare(of.flatMap((step) => step(images)));
  /** By the image, and by how many there are; each made when it is needed. */
  const [aloneByImage, togetherByCount]: [(() => void)[], (() => void)[]] = [[], []];

  return {
    bytes: memory.buffer.byteLength,
    logits(pixels) {
      const size = shape.height * shape.width * shape.channels;
      const images = pixels.length / size;
      const logits = new Float32Array(images * classes);
      for (let first = 0; first < images; first += TOGETHER) {
        const count = Math.min(TOGETHER, images - first);
        for (let image = 0; image < count; image++) {
          const from = (first + image) * size;
          write(memory, input, image, tables, pixels.subarray(from, from + size));
          aloneByImage[image] ??= program(alone, { from: image, count: 1 });
          aloneByImage[image]();
        }
        togetherByCount[count] ??= program(together, { from: 0, count });
        togetherByCount[count]();
        for (let image = 0; image < count; image++) {
          const row = new Float32Array(memory.buffer, output.address + image * output.image, classes);
          logits.set(row, (first + image) * classes);
        }
      }
      return logits;
    },
  };
}

/** What computes an operation, from where its inputs lie to where its output does. */
function stepsOf(layout: Layout, pictures: Pictures, operation: Operation): Step[] {
  const inputs = operation.inputs.map((name) => pictures.of(name));
  const [input] = inputs as [Picture];
  const output = pictures.of(operation.name);
  switch (operation.kind) {
    case 'convolution':
      return [(usesWinograd(operation) ? winogradStep : convolutionStep)(layout, input, output, operation)];
    case 'pool':
      return [poolStep(input, output, operation)];
    case 'dense':
      return denseSteps(layout, input, output, operation);
    case 'activation':
      return [...moved(input, output), activationStep(output, operation.function)];
    case 'affine':
      return [...moved(input, output), affineStep(layout, output, operation)];
    case 'sum': {
      const isInPlace = inputs.includes(output);
      const others = isInPlace ? inputs.filter((each) => each !== output) : inputs.slice(1);
      return [
        ...(isInPlace ? [] : moved(input, output)),
        ...others.map((each) => rowsStep('accumulate', each, output)),
      ];
    }
  }
}

/** What works in place has its input there, unless others read that too. */
function moved(input: Picture, output: Picture): Step[] {
  return input === output ? [] : [rowsStep('copy', input, output)];
}

/** Decides where everything lies, before there is a memory. */
class Layout {
  readonly #allocator = new Allocator();
  readonly #constants: Constant[] = [];
  readonly #filters: Constant[] = [];
  #scratch = { first: 0, second: 0 };
  #places: { first: number; second: number } | undefined;

  pictures(images: number, shape: Shape, margin: Margin, room?: number): Picture {
    return allocatePictures(this.#allocator, images, shape, margin, room);
  }

  /** @returns the address that it will have */
  constant(data: Float32Array): number {
    const address = this.#allocator.allocate(data.byteLength);
    this.#constants.push({ address, data });
    return address;
  }

  /**
   * Filters as products of tiles take them; they are transformed when there is a memory.
   *
   * @param window `[9, planeLength]`
   * @returns the address of `[36, planeLength]`
   */
  transformedFilters(window: Float32Array): number {
    const address = this.#allocator.allocate((POSITIONS / WINDOW) * window.byteLength);
    this.#filters.push({ address, data: window });
    this.scratch(window.byteLength, 0);
    return address;
  }

  /** Asks for room in both of the two places that all layers share; where they lie is known once all have asked. */
  scratch(first: number, second: number): () => { readonly first: number; readonly second: number } {
    this.#scratch = { first: Math.max(this.#scratch.first, first), second: Math.max(this.#scratch.second, second) };
    return () => this.#places!;
  }

  async start(): Promise<Machine> {
    this.#places = {
      first: this.#allocator.allocate(this.#scratch.first),
      second: this.#allocator.allocate(this.#scratch.second),
    };
    const machine = await startMachine(this.#allocator.bytes);
    const write = (address: number, data: Float32Array) =>
      new Float32Array(machine.memory.buffer, address, data.length).set(data);
    for (const { address, data } of this.#constants) write(address, data);
    for (const { address, data } of this.#filters) {
      write(this.#places.first, data);
      const plane = data.byteLength / WINDOW;
      const numbers = { input: this.#places.first, output: address, plane, vectors: plane / 16 };
      machine.prepare([{ kernel: 'transformFilters', ...numbers }])();
    }
    return machine;
  }
}

/** By channel and byte, the number that the network sees. */
function tablesOf({ preparation: { scale, shift } }: LoweredModel): readonly Float32Array[] {
  return scale.map((factor, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => byte * factor + shift[channel]!),
  );
}

function write(
  memory: Memory,
  { height, width, channels, address, pixel, row, image }: Picture,
  index: number,
  tables: readonly Float32Array[],
  pixels: Uint8Array,
): void {
  const values = new Float32Array(memory.buffer);
  let from = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = (address + index * image + y * row + x * pixel) >> 2;
      for (let channel = 0; channel < channels; channel++) values[to + channel] = tables[channel]![pixels[from++]!]!;
    }
  }
}

const LOWEST = Number.NEGATIVE_INFINITY;

function convolutionStep(layout: Layout, input: Picture, output: Picture, operation: Convolution): Step {
  const { kernel, stride, padding, isRectified } = operation;
  const [windowRows, windowColumns, inputs, filters] = kernel.shape as [number, number, number, number];
  const length = windowColumns * input.room;
  const weights = layout.constant(packed(kernel.data, filters, inputs, windowRows * windowColumns, input.room));
  const bias = layout.constant(blocks(operation.bias));
  const first = input.address - padding.top * input.row - padding.left * input.pixel;
  return ({ from, count }) => {
    const images = { count, input: input.image, output: output.image };
    const columns = { count: output.width, input: stride * input.pixel, output: output.pixel };
    // Several outputs are computed at once: neighbours in a row, or those of several images where rows are shorter.
    const [outer, inner] = count > output.width ? [columns, images] : [images, columns];
    return [
      {
        ...{ kernel: 'product', matrices: outer.count, inputMatrix: outer.input, weightsMatrix: 0 },
        ...{ outputMatrix: outer.output, input: first + from * input.image },
        ...{ rows: output.height, inputRow: stride * input.row, pixels: inner.count, inputPixel: inner.input },
        ...{ segments: windowRows, inputSegment: input.row, length, weights, bias, blocks: output.room / BLOCK },
        ...{ output: output.address + from * output.image, outputRow: output.row, outputPixel: inner.output },
        lower: isRectified ? 0 : LOWEST,
      },
    ];
  };
}

function winogradStep(layout: Layout, input: Picture, output: Picture, operation: Convolution): Step {
  const { kernel, padding, isRectified } = operation;
  const [, , inputs, filters] = kernel.shape as [number, number, number, number];
  const planeLength = input.room * output.room;
  const window = new Float32Array(WINDOW * planeLength);
  for (let pixel = 0; pixel < WINDOW; pixel++) {
    const filtersOfPixel = kernel.data.subarray(pixel * inputs * filters, (pixel + 1) * inputs * filters);
    window.set(packed(filtersOfPixel, filters, inputs, 1, input.room), pixel * planeLength);
  }
  const weights = layout.transformedFilters(window);
  const nothing = layout.constant(new Float32Array(output.room));
  const bias = layout.constant(blocks(operation.bias));
  const [tileRows, tileColumns] = [tiles(output.height), tiles(output.width)];
  const count = tileRows * tileColumns;
  const [inTile, outTile] = [4 * input.room, 4 * output.room];
  const [inPlane, outPlane] = [planeBytes(TOGETHER * count * inTile), planeBytes(TOGETHER * count * outTile)];
  const scratch = layout.scratch(POSITIONS * inPlane, POSITIONS * outPlane);
  const first = input.address - padding.top * input.row - padding.left * input.pixel;
  return (images) => {
    const { first: before, second: after } = scratch();
    return [
      ...eachImage(
        images,
        (image, index): Call => ({
          ...{ kernel: 'transformInput', input: first + image * input.image, tileRows, inputRow: input.row },
          ...{ tileColumns, inputPixel: input.pixel, vectors: input.room / 4 },
          ...{ output: before + index * count * inTile, plane: inPlane, outputTile: inTile },
        }),
      ),
      {
        ...{ kernel: 'product', matrices: POSITIONS, inputMatrix: inPlane, weightsMatrix: 4 * planeLength },
        ...{ outputMatrix: outPlane, input: before, rows: 1, inputRow: 0, pixels: images.count * count },
        ...{ inputPixel: inTile, segments: 1, inputSegment: 0, length: input.room, weights, bias: nothing },
        ...{ blocks: output.room / BLOCK, output: after, outputRow: 0, outputPixel: outTile, lower: LOWEST },
      },
      ...eachImage(
        images,
        (image, index): Call => ({
          ...{ kernel: 'transformOutput', input: after + index * count * outTile, plane: outPlane, inputTile: outTile },
          ...{ bias, vectors: output.room / 4, output: output.address + image * output.image, rows: output.height },
          ...{ outputRow: output.row, columns: output.width, outputPixel: output.pixel },
          lower: isRectified ? 0 : LOWEST,
        }),
      ),
    ];
  };
}

/**
 * Whole lines of the cache, and an odd number of them. The planes of a tile are read and written in turn, and a cache has
 * but a few places for lines that are a power of two apart.
 */
function planeBytes(bytes: number): number {
  return (Math.ceil(bytes / LINE) | 1) * LINE;
}

const LINE = 64;

function poolStep(input: Picture, output: Picture, operation: Pooling): Step {
  const { size, stride, padding } = operation;
  const kernel = operation.function === 'max' ? 'maxPool' : 'averagePool';
  // Windows at the border may be cut off by it: they have fewer pixels than the others.
  const [rows, columns] = [
    spans(input.height, output.height, size.height, stride.height, padding.top),
    spans(input.width, output.width, size.width, stride.width, padding.left),
  ];
  return (images) =>
    eachImage(images, (image) => ({
      input: input.address + image * input.image,
      output: output.address + image * output.image,
    })).flatMap((at) =>
      rows.flatMap((row) =>
        columns.map(
          (column): Call => ({
            ...{ kernel, input: at.input + row.from * input.row + column.from * input.pixel, rows: row.count },
            ...{ inputRow: stride.height * input.row, pixels: column.count, inputPixel: stride.width * input.pixel },
            ...{ windowRows: row.window, windowRow: input.row, windowPixels: column.window, windowPixel: input.pixel },
            ...{ vectors: input.room / 4, output: at.output + row.to * output.row + column.to * output.pixel },
            ...{ outputRow: output.row, outputPixel: output.pixel },
          }),
        ),
      ),
    );
}

interface Span {
  /** First line that is read, and first that is written. */
  readonly from: number;
  readonly to: number;
  /** Lines of output, and of each of their windows. */
  readonly count: number;
  readonly window: number;
}

/** Outputs in a row, grouped by the size that their windows have within the picture. */
function spans(length: number, outputs: number, size: number, stride: number, padding: number): Span[] {
  const found: Span[] = [];
  for (let to = 0; to < outputs; to++) {
    const start = to * stride - padding;
    const from = Math.max(0, start);
    const window = Math.min(length, start + size) - from;
    const last = found.at(-1);
    const follows = last?.window === window && last.from + last.count * stride === from;
    if (follows) found[found.length - 1] = { ...last, count: last.count + 1 };
    else found.push({ from, to, count: 1, window });
  }
  return found;
}

/** All numbers of an image are one row of a product, which knows no gaps: where there are some, they are left out first. */
function denseSteps(layout: Layout, input: Picture, output: Picture, operation: Dense): Step[] {
  if (input.bytes === input.height * input.width * input.pixel) return [denseStep(layout, input, output, operation)];
  const gathered = layout.pictures(TOGETHER, input, noMargin(input));
  return [rowsStep('copy', input, gathered), denseStep(layout, gathered, output, operation)];
}

function denseStep(layout: Layout, input: Picture, output: Picture, { kernel, bias, isRectified }: Dense): Step {
  const units = kernel.shape[1]!;
  const length = input.height * input.width * input.room;
  const weights = layout.constant(packed(kernel.data, units, input.channels, input.height * input.width, input.room));
  const biases = layout.constant(blocks(bias));
  return ({ from, count }) => [
    {
      ...{ kernel: 'product', matrices: 1, inputMatrix: 0, weightsMatrix: 0, outputMatrix: 0 },
      ...{ input: input.address + from * input.image, rows: 1, inputRow: 0, pixels: count, inputPixel: input.image },
      ...{ segments: 1, inputSegment: 0, length, weights, bias: biases, blocks: output.room / BLOCK },
      ...{
        output: output.address + from * output.image,
        outputRow: 0,
        outputPixel: output.image,
        lower: isRectified ? 0 : LOWEST,
      },
    },
  ];
}

function activationStep(picture: Picture, name: 'relu' | 'gelu' | 'silu' | 'elu'): Step {
  const { start, image, bytes } = picture;
  return ({ from, count }) => [{ kernel: name, address: start + from * image, vectors: (count * bytes) / 16 }];
}

/** Each row of a picture to the same one of another. */
function rowsStep(kernel: 'copy' | 'accumulate', input: Picture, output: Picture): Step {
  return (images) =>
    eachImage(
      images,
      (image): Call => ({
        ...{ kernel, input: input.address + image * input.image, inputRow: input.row },
        ...{ output: output.address + image * output.image, outputRow: output.row },
        ...{ rows: input.height, vectors: (input.width * input.room) / 4 },
      }),
    );
}

function affineStep(layout: Layout, picture: Picture, { scale, shift }: Affine): Step {
  const isPerChannel = scale.length === picture.channels;
  const constant = (values: readonly number[]) =>
    layout.constant(blocks(Float32Array.from(values), isPerChannel ? values.length : picture.channels));
  const [factors, offsets] = [constant(scale), constant(shift)];
  const pixelVectors = picture.room / 4;
  // A row of constants for all pixels, or as many as a row of pixels has numbers.
  const [pixels, vectors, constantRow] = isPerChannel
    ? [picture.width, pixelVectors, 0]
    : [1, picture.width * pixelVectors, picture.width * picture.pixel];
  return (images) =>
    eachImage(images, (image) => picture.address + image * picture.image).flatMap((start) =>
      each(
        picture.height,
        (y): Call => ({
          ...{ kernel: 'affine', address: start + y * picture.row, pixels, pixelStride: picture.pixel, vectors },
          ...{ scale: factors + y * constantRow, shift: offsets + y * constantRow },
        }),
      ),
    );
}

/** @param make is given where an image is among all, and among these */
function eachImage<Result>({ from, count }: Images, make: (image: number, index: number) => Result): Result[] {
  return each(count, (index) => make(from + index, index));
}

function each<Result>(count: number, make: (index: number) => Result): Result[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/**
 * Weights in the order in which `product` reads them: `[blocks][pixels][room][8]`, with zeros for channels that there are not.
 *
 * @param weights `[pixels][inputs][outputs]`, a pixel being one of a window, or of all that a dense layer sees
 */
function packed(weights: Float32Array, outputs: number, inputs: number, pixels: number, room: number): Float32Array {
  const length = pixels * room;
  const result = new Float32Array(wholeBlocks(outputs) * length);
  let from = 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let input = 0; input < inputs; input++) {
      const row = pixel * room + input;
      for (let output = 0; output < outputs; output++) {
        result[(Math.floor(output / BLOCK) * length + row) * BLOCK + (output % BLOCK)] = weights[from++]!;
      }
    }
  }
  return result;
}

/** Values with zeros behind each group of `channels`, so that it has whole blocks. */
function blocks(values: Float32Array, channels = values.length): Float32Array {
  const room = wholeBlocks(channels);
  const result = new Float32Array((values.length / channels) * room);
  for (let from = 0, to = 0; from < values.length; from += channels, to += room) {
    result.set(values.subarray(from, from + channels), to);
  }
  return result;
}
