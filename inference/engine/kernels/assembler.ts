/** Bytes of WebAssembly, nested, so that building code from code copies nothing; they are joined at the end. */
export type Code = number | readonly Code[];

export type ValueType = 'i32' | 'f32' | 'v128';

const TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

/** A parameter or a local variable of a function. */
export interface Local {
  readonly index: number;
}

/** A function while it is written. It returns nothing: results are written to memory. */
export class FunctionWriter {
  readonly #parameters: number;
  readonly #locals: ValueType[] = [];
  readonly #code: Code[] = [];

  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  local(type: ValueType): Local {
    this.#locals.push(type);
    return { index: this.#parameters + this.#locals.length - 1 };
  }

  emit(...code: readonly Code[]): void {
    this.#code.push(...code);
  }

  /** The function's body in the module's format. */
  body(): Code {
    const locals = this.#locals.map((type) => [1, TYPES[type]]);
    return sized([counted(locals), this.#code, 0x0b]);
  }
}

/** One function of a module. */
export interface FunctionSource<Name extends string = string> {
  readonly name: string;
  readonly parameters: readonly (readonly [name: Name, type: ValueType])[];
  readonly write: (writer: FunctionWriter, parameters: Readonly<Record<Name, Local>>) => void;
}

/** @param parameters types by name, in order; an i32 is an address, a count, or a stride in bytes */
export function define<Name extends string>(
  name: string,
  parameters: Readonly<Record<Name, ValueType>>,
  write: FunctionSource<Name>['write'],
): FunctionSource<Name> {
  return { name, parameters: Object.entries(parameters) as [Name, ValueType][], write };
}

/** A module of these functions, all exported, on memory that it imports as `env.memory`. */
export function assemble(functions: readonly FunctionSource[]): Uint8Array<ArrayBuffer> {
  const bodies = functions.map(({ parameters, write }) => {
    const writer = new FunctionWriter(parameters.length);
    write(writer, Object.fromEntries(parameters.map(([name], index) => [name, { index }])));
    return writer.body();
  });
  const types = functions.map(({ parameters }) => [0x60, counted(parameters.map(([, type]) => TYPES[type])), 0]);
  const memory = [text('env'), text('memory'), 0x02, 0x00, unsigned(1)];
  const exports = functions.map(({ name }, index) => [text(name), 0x00, unsigned(index)]);
  return Uint8Array.from(
    flat([
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      [1, sized(counted(types))],
      [2, sized(counted([memory]))],
      [3, sized(counted(functions.map((_, index) => unsigned(index))))],
      [7, sized(counted(exports))],
      [10, sized(counted(bodies))],
    ]),
  );
}

function flat(code: Code, bytes: number[] = []): number[] {
  if (typeof code === 'number') bytes.push(code);
  else for (const piece of code) flat(piece, bytes);
  return bytes;
}

/** Preceded by the number of bytes. */
function sized(code: Code): Code {
  const bytes = flat(code);
  return [unsigned(bytes.length), bytes];
}

/** Preceded by the number of items. */
function counted(items: readonly Code[]): Code {
  return [unsigned(items.length), items];
}

function text(value: string): Code {
  return counted([...new TextEncoder().encode(value)]);
}

/** LEB128. */
function unsigned(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? byte : byte | 0x80);
  } while (rest !== 0);
  return bytes;
}

function signed(value: number): Code {
  const bytes: number[] = [];
  for (let rest = value; ; ) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const isLast = (rest === 0 && !(byte & 0x40)) || (rest === -1 && (byte & 0x40) !== 0);
    bytes.push(isLast ? byte : byte | 0x80);
    if (isLast) return bytes;
  }
}

/** A vector constant: the same four bytes, four times. */
function constant4(value: Float32Array | Int32Array): Code {
  const bytes = [...new Uint8Array(value.buffer)];
  return [0xfd, 0x0c, bytes, bytes, bytes, bytes];
}

// Locals.
export const get = ({ index }: Local): Code => [0x20, unsigned(index)];
export const set = ({ index }: Local, value: Code): Code => [value, 0x21, unsigned(index)];

// Integers.
export const i32 = (value: number): Code => [0x41, signed(value)];
export const add = (a: Code, b: Code): Code => [a, b, 0x6a];
export const subtract = (a: Code, b: Code): Code => [a, b, 0x6b];
export const multiply = (a: Code, b: Code): Code => [a, b, 0x6c];
export const and = (a: Code, b: Code): Code => [a, b, 0x71];
export const shiftRight = (a: Code, bits: number): Code => [a, i32(bits), 0x76];
export const isLess = (a: Code, b: Code): Code => [a, b, 0x48];
export const isAtMost = (a: Code, b: Code): Code => [a, b, 0x4c];
export const toFloat = (value: Code): Code => [value, 0xb2];
/** `local += value` */
export const advance = (local: Local, value: Code): Code => set(local, add(get(local), value));

// Control.
export const when = (condition: Code, then: Code, otherwise?: Code): Code => [
  ...[condition, 0x04, 0x40, then],
  ...(otherwise === undefined ? [] : [0x05, otherwise]),
  0x0b,
];
/** Runs `body` while the condition holds. */
export const loopWhile = (condition: Code, body: Code): Code => [
  ...[0x02, 0x40, 0x03, 0x40], // block, loop
  ...[condition, 0x45, 0x0d, 0x01], // leave the block if not
  ...[body, 0x0c, 0x00, 0x0b, 0x0b],
];
/** Runs `body` once, and again while the condition holds. */
export const repeatWhile = (condition: Code, body: Code): Code => [0x03, 0x40, body, condition, 0x0d, 0x00, 0x0b];
/** Runs `body` `count` times, at least once; `count` is 0 afterwards. */
export const repeat = (count: Local, ...body: readonly Code[]): Code =>
  repeatWhile([subtract(get(count), i32(1)), 0x22, unsigned(count.index)], body);

// Vectors of four single-precision numbers. Addresses need alignment to four bytes only.
const operation4 =
  (number: number) =>
  (...operands: readonly Code[]): Code => [operands, 0xfd, unsigned(number)];
const memory4 = (number: number, offset: number): Code => [0xfd, unsigned(number), 2, unsigned(offset)];
export const load4 = (address: Code, offset = 0): Code => [address, memory4(0x00, offset)];
/** Loads one number into all four places. */
export const loadSplat = (address: Code, offset = 0): Code => [address, memory4(0x09, offset)];
export const store4 = (address: Code, value: Code, offset = 0): Code => [address, value, memory4(0x0b, offset)];
export const float4 = (value: number): Code => constant4(Float32Array.of(value));
export const int4 = (value: number): Code => constant4(Int32Array.of(value));
export const splat = operation4(0x13);
export const add4 = operation4(0xe4);
export const subtract4 = operation4(0xe5);
export const multiply4 = operation4(0xe6);
export const divide4 = operation4(0xe7);
// The pseudo-minimum and -maximum, one instruction on x64 where IEEE's take ten. They differ for NaN and the sign of zero alone.
export const minimum4 = operation4(0xea);
export const maximum4 = operation4(0xeb);
export const nearest4 = operation4(0x6a);
export const isGreater4 = operation4(0x44);
/** Bits of `a` where the mask has ones, else of `b`: (a, b, mask). */
export const select4 = operation4(0x52);
export const addInt4 = operation4(0xae);
export const truncate4 = operation4(0xf8);
export const shiftLeftInt4 = (value: Code, bits: number): Code => [value, i32(bits), 0xfd, unsigned(0xab)];

/** `a b + c`; rounded once where the processor and the runtime (Node 22) have an instruction for it. */
export type MultiplyAdd = (a: Code, b: Code, c: Code) => Code;
export const separateMultiplyAdd: MultiplyAdd = (a, b, c) => add4(multiply4(a, b), c);
export const relaxedMultiplyAdd: MultiplyAdd = operation4(0x105);
