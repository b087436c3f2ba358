import {
  add4,
  addInt4,
  type Code,
  define,
  divide4,
  type FunctionWriter,
  float4,
  get,
  int4,
  isGreater4,
  type Local,
  load4,
  type MultiplyAdd,
  maximum4,
  minimum4,
  multiply4,
  nearest4,
  select4,
  set,
  shiftLeftInt4,
  store4,
  subtract4,
  truncate4,
} from './assembler.ts';
import { repeatAlong, vectorBytes } from './loops.ts';

/** Activation functions, in place. */
export const activations = (multiplyAdd: MultiplyAdd) => ({
  relu: inPlace('relu', (_, x) => maximum4(get(x), float4(0))),
  gelu: inPlace('gelu', (writer, x) => gelu(writer, multiplyAdd, x)),
  silu: inPlace('silu', (writer, x) => silu(writer, multiplyAdd, x)),
  elu: inPlace('elu', (writer, x) => elu(writer, multiplyAdd, x)),
});

/** Applies a function to each number. It must return 0 for 0, so that padding stays zero. */
function inPlace(name: string, apply: (writer: FunctionWriter, x: Local) => Code) {
  return define(name, { address: 'i32', vectors: 'i32' }, (writer, { address, vectors }) => {
    const x = writer.local('v128');
    writer.emit(
      repeatAlong(
        vectors,
        [[address, vectorBytes]],
        set(x, load4(get(address))),
        store4(get(address), apply(writer, x)),
      ),
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
 * @see Eigen, `generic_fast_erf_float`, which TensorFlow uses
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
 * e^x, within 2e-7: 2^n times a polynomial on half an octave around 1.
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
    // ln 2 in two parts; the first has few digits, so that multiplying it is exact.
    set(rest, subtract4(get(clamped), multiply4(get(octaves), float4(0.693359375)))),
    set(rest, subtract4(get(rest), multiply4(get(octaves), float4(-2.1219444e-4)))),
    multiply4(add4(multiplyAdd(polynomial, square, get(rest)), float4(1)), power),
  ];
}

/** A polynomial. @param coefficients the highest power's first */
function horner(multiplyAdd: MultiplyAdd, x: Local, [first, ...others]: readonly number[]): Code {
  return others.reduce<Code>((sum, coefficient) => multiplyAdd(sum, get(x), float4(coefficient)), float4(first!));
}
