import {
  add,
  advance,
  and,
  type Code,
  define,
  type FunctionWriter,
  get,
  i32,
  isAtMost,
  isLess,
  type Local,
  load4,
  loadSplat,
  loopWhile,
  type MultiplyAdd,
  maximum4,
  multiply,
  repeat,
  set,
  shiftRight,
  splat,
  store4,
  subtract,
  when,
} from './assembler.ts';
import { forEach, repeatAlong } from './loops.ts';

/** Output channels that a product computes together; feature maps have room for whole blocks of them. */
export const BLOCK = 8;
/** Pixels that a product computes together, where there are as many. */
const TILE = 4;

const productParameters = {
  /** How many products: one for each image, or for each position of a tile. */
  matrices: 'i32',
  inputMatrix: 'i32',
  /** 0 where all products have the same weights. */
  weightsMatrix: 'i32',
  outputMatrix: 'i32',
  /** Address of the first window's first number. */
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
  /** The least result: 0 for ReLU, else minus infinity. */
  lower: 'f32',
} as const;

/**
 * Computes convolutions and dense layers. An output pixel is, for each channel, the sum of `segments` stretches of `length`
 * numbers, each multiplied by its own weight: a row of a convolution's window, or all inputs of a dense layer.
 */
export const product = (multiplyAdd: MultiplyAdd) =>
  define('product', productParameters, (writer, parameters) => {
    const { matrices, inputMatrix, weightsMatrix, outputMatrix, input, rows, inputRow, pixels, inputPixel } =
      parameters;
    const { segments, length, weights, bias, blocks, output, outputRow, outputPixel } = parameters;
    const blockBytes = i32(4 * BLOCK);
    const weightBytes = writer.local('i32');
    writer.emit(
      set(weightBytes, multiply(multiply(get(segments), get(length)), blockBytes)),
      repeatAlong(
        matrices,
        [
          [input, get(inputMatrix)],
          [weights, get(weightsMatrix)],
          [output, get(outputMatrix)],
        ],
        forEach(
          writer,
          get(blocks),
          [
            [get(weights), get(weightBytes)],
            [get(bias), blockBytes],
            [get(output), blockBytes],
          ],
          (atWeights, atBias, atOutput) =>
            forEach(
              writer,
              get(rows),
              [
                [get(input), get(inputRow)],
                [get(atOutput!), get(outputRow)],
              ],
              (inRow, outRow) => productRow(inRow!, outRow!, atWeights!, atBias!),
            ),
        ),
      ),
    );

    function productRow(inRow: Local, outRow: Local, atWeights: Local, atBias: Local): Code {
      const [pixel, inPixel, outPixel] = [writer.local('i32'), writer.local('i32'), writer.local('i32')];
      const tile = (count: number): Code => [
        productTile(writer, multiplyAdd, count, { ...parameters, weights: atWeights, bias: atBias, inPixel, outPixel }),
        advance(inPixel, multiply(get(inputPixel), i32(count))),
        advance(outPixel, multiply(get(outputPixel), i32(count))),
        advance(pixel, i32(-count)),
      ];
      const stepBack = (at: Local, step: Local) =>
        set(at, subtract(get(at), multiply(subtract(i32(TILE), get(pixel)), get(step))));
      return [
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
      ];
    }
  });

type TileLocals = Readonly<Record<keyof typeof productParameters | 'inPixel' | 'outPixel', Local>>;

/** Eight channels of `count` pixels; their sums stay in registers. */
function productTile(writer: FunctionWriter, multiplyAdd: MultiplyAdd, count: number, locals: TileLocals): Code {
  const { inPixel, inputPixel, segments, inputSegment, length, weights, bias, outPixel, outputPixel, lower } = locals;
  const pixels = Array.from({ length: count }, () => ({
    at: writer.local('i32'),
    low: writer.local('v128'),
    high: writer.local('v128'),
  }));
  const [weightLow, weightHigh, value] = [writer.local('v128'), writer.local('v128'), writer.local('v128')];
  const step = writer.local('i32');
  const [weight, out] = [writer.local('i32'), writer.local('i32')];

  /** Multiplies one number of each pixel, `ahead` of the cursors. */
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
    forEach(writer, get(segments), [[get(inPixel), get(inputSegment)]], (segmentStart) => [
      pixels.map(({ at }, index) =>
        set(at, index === 0 ? get(segmentStart!) : add(get(pixels[index - 1]!.at), get(inputPixel))),
      ),
      set(step, shiftRight(get(length), 2)),
      when(get(step), repeat(step, accumulate(0), accumulate(1), accumulate(2), accumulate(3), move(4))),
      set(step, and(get(length), i32(3))),
      when(get(step), repeat(step, accumulate(0), move(1))),
    ]),
    set(out, get(outPixel)),
    pixels.map(({ low, high }) => [
      store4(get(out), maximum4(get(low), splat(get(lower)))),
      store4(get(out), maximum4(get(high), splat(get(lower))), 16),
      advance(out, get(outputPixel)),
    ]),
  ];
}
