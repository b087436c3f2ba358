import * as z from 'zod/mini';
import { UserError } from '#errors/user-error.ts';
import { sizeOf } from './size-of.ts';

/** A float32 array with a name and a shape: a `NamedTensor` of `training/`. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Safetensors {
  readonly tensors: readonly Tensor[];
  /** @default none */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The file is not in the format, was cut off, or has tensors of another type than float32. */
export class InvalidSafetensors extends UserError {
  override readonly name = 'InvalidSafetensors';

  constructor(problem: string, options?: ErrorOptions) {
    super(`This is not a safetensors file that can be read: ${problem}.`, options);
  }
}

const METADATA = '__metadata__';
/** The limit of the reference implementation, so that a hostile length in the header allocates no more. */
const LARGEST_HEADER = 100_000_000;
const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

const index = z.number().check(z.int(), z.nonnegative());
const Entry = z.object({
  dtype: z.string(),
  shape: z.array(index),
  data_offsets: z.tuple([index, index]),
});

/**
 * Encodes tensors as https://huggingface.co/docs/safetensors: a little-endian 64-bit length, a JSON header of that length, and
 * the tensors' bytes without gaps. The header is padded with spaces so that the data lies at a multiple of eight.
 *
 * @throws {RangeError} a name occurs twice or is reserved, or the data does not have the size of the shape
 */
export function encodeSafetensors({ tensors, metadata }: Safetensors): Uint8Array {
  const entries: [string, unknown][] = metadata === undefined ? [] : [[METADATA, metadata]];
  const names = new Set([METADATA]);
  let end = 0;
  for (const { name, shape, data } of tensors) {
    if (names.has(name)) throw new RangeError(`The tensor name ${JSON.stringify(name)} is taken.`);
    if (sizeOf(shape) !== data.length) throw new RangeError(`${name} has ${data.length} values for shape [${shape}].`);
    names.add(name);
    const begin = end;
    end += data.length * FLOAT_BYTES;
    entries.push([name, { dtype: 'F32', shape, data_offsets: [begin, end] }]);
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + end).fill(0x20, 8, 8 + headerLength);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.set(json, 8);
  let at = 8 + headerLength;
  for (const { data } of tensors) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

/**
 * @returns the tensors in the order of their data; nothing shares memory with `file`
 * @throws {InvalidSafetensors} the file is malformed, cut off, too long, or a tensor is not float32
 */
export function decodeSafetensors(file: Uint8Array): Required<Safetensors> {
  if (file.length < 8) throw new InvalidSafetensors(`it has ${file.length} bytes and no header`);
  const headerLength = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true);
  if (headerLength > LARGEST_HEADER || headerLength > file.length - 8) {
    throw new InvalidSafetensors(`its header is said to have ${headerLength} bytes, of a file of ${file.length}`);
  }
  const data = file.subarray(8 + Number(headerLength));
  const header = parseHeader(file.subarray(8, 8 + Number(headerLength)));

  let end = 0;
  const tensors = header
    .filter(([name]) => name !== METADATA)
    .map(([name, value]) => ({ name, ...parse(Entry, value, `the entry of ${JSON.stringify(name)}`) }))
    .sort((a, b) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1])
    .map(({ name, dtype, shape, data_offsets: [begin, stop] }): Tensor => {
      if (dtype !== 'F32') throw new InvalidSafetensors(`${name} is of type ${dtype}, and only F32 is read`);
      if (begin !== end) throw new InvalidSafetensors(`the data of ${name} begins at byte ${begin} instead of ${end}`);
      if (stop - begin !== sizeOf(shape) * FLOAT_BYTES) {
        throw new InvalidSafetensors(`${name} has ${stop - begin} bytes for shape [${shape}]`);
      }
      if (stop > data.length) throw new InvalidSafetensors(`it was cut off in the data of ${name}`);
      end = stop;
      const values = new Float32Array(sizeOf(shape));
      new Uint8Array(values.buffer).set(data.subarray(begin, stop));
      return { name, shape, data: values };
    });
  if (end !== data.length)
    throw new InvalidSafetensors(`its tensors have ${end} bytes and the file has ${data.length}`);
  const metadata = entriesOf(header.find(([name]) => name === METADATA)?.[1] ?? {}, METADATA);
  return {
    tensors,
    metadata: Object.fromEntries(metadata.map(([key, value]) => [key, parse(z.string(), value, METADATA)])),
  };
}

/** Pairs instead of a record, which would lose a tensor named `__proto__`. */
function entriesOf(value: unknown, what: string): [string, unknown][] {
  parse(z.looseObject({}), value, what);
  return Object.entries(value as object);
}

function parseHeader(bytes: Uint8Array): [string, unknown][] {
  let header: unknown;
  try {
    if (bytes[0] !== 0x7b) throw new SyntaxError('it does not begin with {');
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new InvalidSafetensors('its header is not JSON', { cause: error });
  }
  return entriesOf(header, 'its header');
}

function parse<Schema extends z.core.$ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const result = z.safeParse(schema, value);
  if (!result.success) throw new InvalidSafetensors(`${what} is malformed`, { cause: result.error });
  return result.data;
}
