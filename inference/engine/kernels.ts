import {
  add,
  add4,
  addInt4,
  advance,
  and,
  type Code,
  define,
  divide4,
  type FunctionWriter,
  float4,
  get,
  i32,
  int4,
  isAtMost,
  isGreater4,
  isLess,
  type Local,
  load4,
  loadSplat,
  loopWhile,
  type MultiplyAdd,
  maximum4,
  minimum4,
  multiply,
  multiply4,
  nearest4,
  repeat,
  select4,
  set,
  shiftLeftInt4,
  shiftRight,
  splat,
  store4,
  subtract,
  subtract4,
  toFloat,
  truncate4,
  when,
} from './assembler.ts';
import { transformFilters, transformInput, transformOutput } from './winograd-kernels.ts';

/** Channels that a product computes at once; outputs have whole blocks of them. */
export const BLOCK = 8;
/** Pixels that a product computes at once, where there are as many. */
const TILE = 4;

/** Every function that an engine calls. */
export function kernelSources(multiplyAdd: MultiplyAdd) {
  return {
    product: product(multiplyAdd),
    maxPool: pooling('maxPool', {
      begin: (at) => load4(at),
      combine: maximum4,
      finish: (largest) => largest,
    }),
    averagePool: pooling('averagePool', {
      begin: () => float4(0),
      combine: add4,
      finish: (sum, count) => divide4(sum, count),
    }),
    relu: inPlace('relu', (_, x) => maximum4(get(x), float4(0))),
    gelu: inPlace('gelu', (writer, x) => gelu(writer, multiplyAdd, x)),
    silu: inPlace('silu', (writer, x) => silu(writer, multiplyAdd, x)),
    elu: inPlace('elu', (writer, x) => elu(writer, multiplyAdd, x)),
    affine: affine(multiplyAdd),
    copy: rowByRow('copy', (at) => load4(at.input)),
    accumulate: rowByRow('accumulate', (at) => add4(load4(at.input), load4(at.output))),
    transformFilters: transformFilters(multiplyAdd),
    transformInput: transformInput(multiplyAdd),
    transformOutput: transformOutput(multiplyAdd),
  };
}

const productParameters = {
  /** How many times all this is done: for each image, or for each position of a tile. */
  matrices: 'i32',
  inputMatrix: 'i32',
  /** 0 where all have the same weights. */
  weightsMatrix: 'i32',
  outputMatrix: 'i32',
  /** The first window's first number. */
  input: 'i32',
  rows: 'i32',
  inputRow: 'i32',
  pixels: 'i32',
  inputPixel: 'i32',
  segments: 'i32',
  inputSegment: 'i32',
  length: 'i32',
  /** `[blocks][segments][length][8]` */
  weights: 'i32',
  /** `[blocks][8]` */
  bias: 'i32',
  blocks: 'i32',
  output: 'i32',
  outputRow: 'i32',
  outputPixel: 'i32',
  /** Nothing less comes out: 0 for ReLU, else minus infinity. */
  lower: 'f32',
} as const;

/**
 * What convolutions and dense layers come down to. An output pixel is, for each channel, the sum of `segments` stretches of
 * `length` numbers, each multiplied by its own weights: a row of a convolution's window, or all that a dense layer takes.
 */
const product = (multiplyAdd: MultiplyAdd) =>
  define('product', productParameters, (writer, parameters) => {
    const { matrices, inputMatrix, weightsMatrix, outputMatrix, input, rows, inputRow, pixels, inputPixel } =
      parameters;
    const { segments, length, weights, bias, blocks, output, outputRow, outputPixel } = parameters;
    const [row, pixel, inRow, outRow, weightBytes] = [local(), local(), local(), local(), local()];
    const [inPixel, outPixel, block, atWeights, atBias, atOutput] = [
      local(),
      local(),
      local(),
      local(),
      local(),
      local(),
    ];
    const tile = (count: number): Code => [
      productTile(writer, multiplyAdd, count, { ...parameters, weights: atWeights, bias: atBias, inPixel, outPixel }),
      advance(inPixel, multiply(get(inputPixel), i32(count))),
      advance(outPixel, multiply(get(outputPixel), i32(count))),
      advance(pixel, i32(-count)),
    ];
    const stepBack = (at: Local, stride: Local) =>
      set(at, subtract(get(at), multiply(subtract(i32(TILE), get(pixel)), get(stride))));

    writer.emit(
      set(weightBytes, multiply(multiply(get(segments), get(length)), i32(4 * BLOCK))),
      repeat(
        matrices,
        set(block, get(blocks)),
        set(atWeights, get(weights)),
        set(atBias, get(bias)),
        set(atOutput, get(output)),
        repeat(
          block,
          set(row, get(rows)),
          set(inRow, get(input)),
          set(outRow, get(atOutput)),
          repeat(
            row,
            set(pixel, get(pixels)),
            set(inPixel, get(inRow)),
            set(outPixel, get(outRow)),
            loopWhile(isLess(i32(0), get(pixel)), [
              // The last pixels of a row are computed together with some that are done already.
              when(and(isLess(get(pixel), i32(TILE)), isAtMost(i32(TILE), get(pixels))), [
                stepBack(inPixel, inputPixel),
                stepBack(outPixel, outputPixel),
                set(pixel, i32(TILE)),
              ]),
              when(isAtMost(i32(TILE), get(pixel)), tile(TILE), tile(1)),
            ]),
            advance(inRow, get(inputRow)),
            advance(outRow, get(outputRow)),
          ),
          advance(atWeights, get(weightBytes)),
          advance(atBias, i32(4 * BLOCK)),
          advance(atOutput, i32(4 * BLOCK)),
        ),
        advance(input, get(inputMatrix)),
        advance(weights, get(weightsMatrix)),
        advance(output, get(outputMatrix)),
      ),
    );

    function local(): Local {
      return writer.local('i32');
    }
  });

type TileLocals = Readonly<Record<keyof typeof productParameters | 'inPixel' | 'outPixel', Local>>;

/** Eight channels of `count` pixels: all their sums stay in registers. */
function productTile(writer: FunctionWriter, multiplyAdd: MultiplyAdd, count: number, locals: TileLocals): Code {
  const { inPixel, inputPixel, segments, inputSegment, length, weights, bias, outPixel, outputPixel, lower } = locals;
  const pixels = Array.from({ length: count }, () => ({
    at: writer.local('i32'),
    low: writer.local('v128'),
    high: writer.local('v128'),
  }));
  const [weightLow, weightHigh, value] = [writer.local('v128'), writer.local('v128'), writer.local('v128')];
  const [segment, step, segmentStart] = [writer.local('i32'), writer.local('i32'), writer.local('i32')];
  const [weight, out] = [writer.local('i32'), writer.local('i32')];

  /** One number of each pixel, `ahead` of where they are. */
  const accumulate = (ahead: number): Code => [
    set(weightLow, load4(get(weight), ahead * 4 * BLOCK)),
    set(weightHigh, load4(get(weight), ahead * 4 * BLOCK + 16)),
    pixels.map(({ at, low, high }) => [
      set(value, loadSplat(get(at), ahead * 4)),
      set(low, multiplyAdd(get(value), get(weightLow), get(low))),
      set(high, multiplyAdd(get(value), get(weightHigh), get(high))),
    ]),
  ];
  const move = (steps: number): Code => [
    pixels.map(({ at }) => advance(at, i32(4 * steps))),
    advance(weight, i32(4 * BLOCK * steps)),
  ];
  return [
    pixels.map(({ low, high }) => [set(low, load4(get(bias))), set(high, load4(get(bias), 16))]),
    set(weight, get(weights)),
    set(segmentStart, get(inPixel)),
    set(segment, get(segments)),
    repeat(
      segment,
      pixels.map(({ at }, index) =>
        set(at, index === 0 ? get(segmentStart) : add(get(pixels[index - 1]!.at), get(inputPixel))),
      ),
      set(step, shiftRight(get(length), 2)),
      when(get(step), repeat(step, accumulate(0), accumulate(1), accumulate(2), accumulate(3), move(4))),
      set(step, and(get(length), i32(3))),
      when(get(step), repeat(step, accumulate(0), move(1))),
      advance(segmentStart, get(inputSegment)),
    ),
    set(out, get(outPixel)),
    pixels.map(({ low, high }) => [
      store4(get(out), maximum4(get(low), splat(get(lower)))),
      store4(get(out), maximum4(get(high), splat(get(lower))), 16),
      advance(out, get(outputPixel)),
    ]),
  ];
}

/** How a window's pixels become one value. */
interface Pooling {
  /** The value to begin with, given the address of the window's first pixel. */
  readonly begin: (first: Code) => Code;
  readonly combine: (value: Code, pixel: Code) => Code;
  readonly finish: (value: Code, count: Code) => Code;
}

/** One value for each window, four channels at once. */
function pooling(name: string, { begin, combine, finish }: Pooling) {
  return define(
    name,
    {
      ...{ input: 'i32', rows: 'i32', inputRow: 'i32', pixels: 'i32', inputPixel: 'i32' },
      ...{ windowRows: 'i32', windowRow: 'i32', windowPixels: 'i32', windowPixel: 'i32' },
      ...{ vectors: 'i32', output: 'i32', outputRow: 'i32', outputPixel: 'i32' },
    },
    (writer, parameters) => {
      const { input, rows, inputRow, pixels, inputPixel, windowRows, windowRow, windowPixels } = parameters;
      const { windowPixel, vectors, output, outputRow, outputPixel } = parameters;
      const local = () => writer.local('i32');
      const [pixel, inPixel, outPixel, vector, inVector, outVector] = [
        local(),
        local(),
        local(),
        local(),
        local(),
        local(),
      ];
      const [windowY, windowX, atRow, at] = [local(), local(), local(), local()];
      const value = writer.local('v128');
      writer.emit(
        repeat(
          rows,
          set(pixel, get(pixels)),
          set(inPixel, get(input)),
          set(outPixel, get(output)),
          repeat(
            pixel,
            set(vector, get(vectors)),
            set(inVector, get(inPixel)),
            set(outVector, get(outPixel)),
            repeat(
              vector,
              set(value, begin(get(inVector))),
              set(atRow, get(inVector)),
              set(windowY, get(windowRows)),
              repeat(
                windowY,
                set(at, get(atRow)),
                set(windowX, get(windowPixels)),
                repeat(windowX, set(value, combine(get(value), load4(get(at)))), advance(at, get(windowPixel))),
                advance(atRow, get(windowRow)),
              ),
              store4(get(outVector), finish(get(value), splat(toFloat(multiply(get(windowRows), get(windowPixels)))))),
              advance(inVector, i32(16)),
              advance(outVector, i32(16)),
            ),
            advance(inPixel, get(inputPixel)),
            advance(outPixel, get(outputPixel)),
          ),
          advance(input, get(inputRow)),
          advance(output, get(outputRow)),
        ),
      );
    },
  );
}

/** A function of each number. It must give 0 for 0, so that what pads a picture stays what it is. */
function inPlace(name: string, apply: (writer: FunctionWriter, x: Local) => Code) {
  return define(name, { address: 'i32', vectors: 'i32' }, (writer, { address, vectors }) => {
    const x = writer.local('v128');
    writer.emit(
      repeat(vectors, set(x, load4(get(address))), store4(get(address), apply(writer, x)), advance(address, i32(16))),
    );
  });
}

/** x / 2 (1 + erf(x / √2)) */
function gelu(writer: FunctionWriter, multiplyAdd: MultiplyAdd, x: Local): Code {
  const scaled = writer.local('v128');
  const half = multiply4(get(x), float4(0.5));
  return [
    set(scaled, multiply4(get(x), float4(Math.SQRT1_2))),
    multiplyAdd(half, errorFunction(writer, multiplyAdd, scaled), half),
  ];
}

/** x / (1 + e^-x) */
function silu(writer: FunctionWriter, multiplyAdd: MultiplyAdd, x: Local): Code {
  const negative = writer.local('v128');
  return [
    set(negative, subtract4(float4(0), get(x))),
    divide4(get(x), add4(float4(1), exponential(writer, multiplyAdd, negative))),
  ];
}

/** x where it is positive, else e^x - 1 */
function elu(writer: FunctionWriter, multiplyAdd: MultiplyAdd, x: Local): Code {
  const below = subtract4(exponential(writer, multiplyAdd, x), float4(1));
  return select4(get(x), below, isGreater4(get(x), float4(0)));
}

/**
 * erf, within 2e-7: an odd rational function on [-4, 4], at whose ends it is ±1 in single precision.
 *
 * @see Eigen, `generic_fast_erf_float`, which TensorFlow computes it by
 */
function errorFunction(writer: FunctionWriter, multiplyAdd: MultiplyAdd, x: Local): Code {
  const [clamped, square] = [writer.local('v128'), writer.local('v128')];
  const numerator = horner(multiplyAdd, square, [
    ...[-2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5],
    ...[-7.34990630326855e-4, -2.954599808540251e-3, -1.60960333262415e-2],
  ]);
  const denominator = horner(multiplyAdd, square, [
    ...[-14.5660718464996e-6, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3, -1.42647390514189e-2],
  ]);
  return [
    set(clamped, maximum4(minimum4(get(x), float4(4)), float4(-4))),
    set(square, multiply4(get(clamped), get(clamped))),
    divide4(multiply4(get(clamped), numerator), denominator),
  ];
}

/**
 * e^x, within 2e-7 of it: 2^n times a polynomial on half an octave around 1.
 *
 * @see Cephes, `expf`
 */
function exponential(writer: FunctionWriter, multiplyAdd: MultiplyAdd, x: Local): Code {
  const [clamped, octaves, rest] = [writer.local('v128'), writer.local('v128'), writer.local('v128')];
  const polynomial = horner(multiplyAdd, rest, [
    ...[1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
  ]);
  const square = multiply4(get(rest), get(rest));
  const power = shiftLeftInt4(addInt4(truncate4(get(octaves)), int4(127)), 23);
  return [
    set(clamped, maximum4(minimum4(get(x), float4(88)), float4(-87))),
    set(octaves, nearest4(multiply4(get(clamped), float4(Math.LOG2E)))),
    // ln 2 in two parts, of which the first has few digits and loses nothing when it is multiplied.
    set(rest, subtract4(get(clamped), multiply4(get(octaves), float4(0.693359375)))),
    set(rest, subtract4(get(rest), multiply4(get(octaves), float4(-2.1219444e-4)))),
    multiply4(add4(multiplyAdd(polynomial, square, get(rest)), float4(1)), power),
  ];
}

/** @param coefficients of the highest power first */
function horner(multiplyAdd: MultiplyAdd, x: Local, [first, ...others]: readonly number[]): Code {
  return others.reduce<Code>((sum, coefficient) => multiplyAdd(sum, get(x), float4(coefficient)), float4(first!));
}

/** `x scale + shift` for each channel, in place. */
const affine = (multiplyAdd: MultiplyAdd) =>
  define(
    'affine',
    { address: 'i32', pixels: 'i32', pixelStride: 'i32', vectors: 'i32', scale: 'i32', shift: 'i32' },
    (writer, { address, pixels, pixelStride, vectors, scale, shift }) => {
      const [vector, offset, at] = [writer.local('i32'), writer.local('i32'), writer.local('i32')];
      const channels = (of: Local) => load4(add(get(of), get(offset)));
      writer.emit(
        repeat(
          pixels,
          set(vector, get(vectors)),
          set(offset, i32(0)),
          repeat(
            vector,
            set(at, add(get(address), get(offset))),
            store4(get(at), multiplyAdd(load4(get(at)), channels(scale), channels(shift))),
            advance(offset, i32(16)),
          ),
          advance(address, get(pixelStride)),
        ),
      );
    },
  );

/** From one picture to another, whose rows lie otherwise: what is there, and what was there, make the new value. */
function rowByRow(name: string, value: (at: { readonly input: Code; readonly output: Code }) => Code) {
  return define(
    name,
    { input: 'i32', inputRow: 'i32', output: 'i32', outputRow: 'i32', rows: 'i32', vectors: 'i32' },
    (writer, { input, inputRow, output, outputRow, rows, vectors }) => {
      const [from, to, vector] = [writer.local('i32'), writer.local('i32'), writer.local('i32')];
      writer.emit(
        repeat(
          rows,
          set(from, get(input)),
          set(to, get(output)),
          set(vector, get(vectors)),
          repeat(
            vector,
            store4(get(to), value({ input: get(from), output: get(to) })),
            advance(from, i32(16)),
            advance(to, i32(16)),
          ),
          advance(input, get(inputRow)),
          advance(output, get(outputRow)),
        ),
      );
    },
  );
}
