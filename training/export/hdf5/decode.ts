import { UserError } from '#errors/user-error.ts';
import { sizeOf } from '#models/size-of.ts';
import { type Dataset, float32Type, type Group, message, signature, undefinedAddress } from './hdf5.ts';

/** The file is not HDF5, was cut off or changed, or holds something that is not supported. */
export class InvalidHdf5 extends UserError {
  override readonly name = 'InvalidHdf5';

  constructor(problem: string, options?: ErrorOptions) {
    super(`This is not an HDF5 file that can be read: ${problem}.`, options);
  }
}

const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;
/** How deep groups may be nested. Keras needs five. */
const DEEPEST = 32;
const DAMAGED = 'it was cut off or changed';

/**
 * Reads what `encodeHdf5` and Keras write: the default format of the HDF5 library, with contiguous float32 arrays.
 * Attributes that are not texts are ignored.
 *
 * @param only children of the root to read, where they exist. @default all
 * @returns the root; nothing shares memory with `file`
 * @throws {InvalidHdf5} it is malformed, cut off, or uses a feature that is not supported; the message says which
 */
export function decodeHdf5(file: Uint8Array, { only }: { readonly only?: readonly string[] } = {}): Group {
  try {
    return new Reader(Buffer.from(file.buffer, file.byteOffset, file.byteLength)).root(only);
  } catch (error) {
    // Reading past the end of a buffer throws a RangeError.
    throw error instanceof RangeError ? new InvalidHdf5(DAMAGED, { cause: error }) : error;
  }
}

interface Message {
  readonly kind: number;
  readonly body: Buffer;
}

class Reader {
  readonly #file: Buffer;
  /** Addresses of objects that were read; each may be read once, so that a file cannot make the reader loop. */
  readonly #seen = new Set<number>();
  /** Bytes of arrays and texts that were read: more than the file has only if two overlap. */
  #read = 0;

  constructor(file: Buffer) {
    this.#file = file;
  }

  root(only?: readonly string[]): Group {
    if (!this.#file.subarray(0, 8).equals(signature))
      throw new InvalidHdf5('it does not begin with the signature of HDF5');
    const version = this.#file.readUInt8(8);
    if (version > 1) {
      throw new InvalidHdf5(
        `it was written for HDF5 1.8 or later only (libver="latest", superblock ${version}); save it with the default libver`,
      );
    }
    if (this.#file.readUInt16LE(13) !== 0x0808) throw new InvalidHdf5('its addresses or lengths do not have 8 bytes');
    const addresses = version === 0 ? 24 : 28;
    if (number(this.#file, addresses) !== 0)
      throw new InvalidHdf5('its addresses do not count from the start of the file');
    const end = number(this.#file, addresses + 16);
    if (end > this.#file.length) throw new InvalidHdf5(`it was cut off: it has ${this.#file.length} bytes of ${end}`);
    const root = this.#object(number(this.#file, addresses + 40), '', only);
    if (!('children' in root)) throw new InvalidHdf5('its root is not a group');
    return root;
  }

  /** @param path from the root, which is `''` */
  #object(address: number, path: string, only?: readonly string[]): Group | Dataset {
    if (path.split('/').length > DEEPEST) throw new InvalidHdf5(`${path} is nested more than ${DEEPEST} groups deep`);
    const messages = this.#messages(address, path);
    const find = (kind: number) => messages.find((each) => each.kind === kind)?.body;
    const table = find(message.symbolTable);
    if (table === undefined) {
      if (find(message.linkInfo)) throw new InvalidHdf5(`${path} is a group in the newer format of HDF5`);
      return this.#dataset(find, path);
    }
    const attributes = messages
      .filter(({ kind }) => kind === message.attribute)
      .flatMap(({ body }) => this.#attribute(body, path));
    const children = new Map<string, Group | Dataset>();
    const names = this.#heapData(number(table, 8), path);
    for (const { name, header } of this.#symbols(number(table, 0), names, path)) {
      if (only !== undefined && !only.includes(name)) continue;
      if (name === '' || children.has(name)) throw new InvalidHdf5(`the names in ${path || 'the root'} are malformed`);
      children.set(name, this.#object(header, `${path}/${name}`));
    }
    return { attributes: new Map(attributes), children };
  }

  /** The messages of an object's header, from all its pieces. */
  #messages(address: number, path: string): Message[] {
    const prefix = this.#part(address, 16, path);
    if (prefix.toString('latin1', 0, 4) === 'OHDR') throw new InvalidHdf5(`${path} is in the newer format of HDF5`);
    if (prefix[0] !== 1) throw new InvalidHdf5(`${path} has no header`);
    this.#once(address, path);
    const messages: Message[] = [];
    const pieces = [this.#part(address + 16, prefix.readUInt32LE(8), path)];
    for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
      for (let at = 0; at + 8 <= piece.length; ) {
        const kind = piece.readUInt16LE(at);
        const size = piece.readUInt16LE(at + 2);
        if (at + 8 + size > piece.length) throw new InvalidHdf5(`the header of ${path} is malformed`);
        if ((piece.readUInt8(at + 4) & 2) !== 0) throw new InvalidHdf5(`${path} shares a part of its header`);
        const body = piece.subarray(at + 8, at + 8 + size);
        if (kind === message.continuation) {
          const next = number(body, 0);
          this.#once(next, path);
          pieces.push(this.#part(next, number(body, 8), path));
        } else {
          messages.push({ kind, body });
        }
        at += 8 + size;
      }
    }
    return messages;
  }

  #dataset(find: (kind: number) => Buffer | undefined, path: string): Dataset {
    const [space, type, layout] = [find(message.dataspace), find(message.datatype), find(message.layout)];
    if (!space || !type || !layout) throw new InvalidHdf5(`${path} is neither a group nor an array`);
    if (!type.subarray(0, float32Type.length).equals(float32Type)) throw new InvalidHdf5(`${path} is not float32`);
    const shape = dataspace(space, path);
    if (shape === undefined) throw new InvalidHdf5(`${path} has no values`);
    if (find(message.filters) || layout[0] !== 3 || layout[1] !== 1) {
      throw new InvalidHdf5(`${path} is compressed or chunked; save it uncompressed, in one piece`);
    }
    const values = sizeOf(shape);
    if (number(layout, 10) !== values * FLOAT_BYTES) {
      throw new InvalidHdf5(`${path} has ${number(layout, 10)} bytes for shape [${shape}]`);
    }
    const bytes = values === 0 ? Buffer.alloc(0) : this.#part(number(layout, 2), values * FLOAT_BYTES, path);
    this.#count(bytes.length, path);
    const data = new Float32Array(values);
    new Uint8Array(data.buffer).set(bytes);
    return { shape, data };
  }

  /** @returns its name and value; nothing if it is not a text */
  #attribute(body: Buffer, path: string): [string, string | string[]][] {
    const version = body.readUInt8(0);
    if (version < 1 || version > 3) throw new InvalidHdf5(`${path} has an attribute of version ${version}`);
    let at = version === 3 ? 9 : 8;
    const part = (size: number) => {
      const bytes = slice(body, at, size);
      at += version === 1 ? Math.ceil(size / 8) * 8 : size;
      return bytes;
    };
    const name = text(part(body.readUInt16LE(2)));
    const type = part(body.readUInt16LE(4));
    const shape = dataspace(part(body.readUInt16LE(6)), `attribute ${name} of ${path}`);
    const kind = type.readUInt8(0) & 0x0f;
    const isVariable = kind === 9 && (type.readUInt8(1) & 0x0f) === 1;
    if (shape === undefined || (kind !== 3 && !isVariable)) return [];
    const size = type.readUInt32LE(4);
    const count = sizeOf(shape);
    if (count > 0 && !(size > 0 && at + count * size <= body.length)) throw new InvalidHdf5(DAMAGED);
    const texts: string[] = [];
    for (let index = 0; index < count; index++) {
      const value = slice(body, at + index * size, size);
      texts.push(text(isVariable ? this.#heapObject(value, path) : value));
    }
    return [[name, shape.length === 0 ? texts[0]! : texts]];
  }

  /** A text of variable length is stored in a global heap. */
  #heapObject(reference: Buffer, path: string): Buffer {
    const [length, address, wanted] = [reference.readUInt32LE(0), number(reference, 4), reference.readUInt32LE(12)];
    if (length === 0) return Buffer.alloc(0);
    this.#count(length, path);
    const head = this.#part(address, 16, path);
    if (head.toString('latin1', 0, 4) !== 'GCOL') throw new InvalidHdf5(`${path} refers to a text that is missing`);
    const heap = this.#part(address, number(head, 8), path);
    for (let at = 16; at + 16 <= heap.length; ) {
      const index = heap.readUInt16LE(at);
      const size = number(heap, at + 8);
      if (index === wanted) return slice(slice(heap, at + 16, size), 0, length);
      if (index === 0) break;
      at += 16 + Math.ceil(size / 8) * 8;
    }
    throw new InvalidHdf5(`${path} refers to a text that is missing`);
  }

  /** The names of a group's children, each followed by a zero. */
  #heapData(address: number, path: string): Buffer {
    const heap = this.#part(address, 32, path);
    if (heap.toString('latin1', 0, 4) !== 'HEAP') throw new InvalidHdf5(`${path} has no names`);
    return this.#part(number(heap, 24), number(heap, 8), path);
  }

  /** The children of a group, from the nodes of its tree. */
  #symbols(address: number, names: Buffer, path: string): { name: string; header: number }[] {
    this.#once(address, path);
    const node = this.#part(address, 24, path);
    const kind = node.toString('latin1', 0, 4);
    const count = node.readUInt16LE(6);
    if (kind === 'TREE' && node[4] === 0) {
      const below = this.#part(address + 24, count * 16, path);
      return Array.from({ length: count }, (_, index) => number(below, 16 * index + 8)).flatMap((child) =>
        this.#symbols(child, names, path),
      );
    }
    if (kind !== 'SNOD') throw new InvalidHdf5(`the children of ${path} are malformed`);
    const entries = this.#part(address + 8, count * 40, path);
    return Array.from({ length: count }, (_, index) => {
      const entry = entries.subarray(40 * index, 40 * index + 40);
      if (entry.readUInt32LE(16) === 2) throw new InvalidHdf5(`${path} has a symbolic link`);
      return { name: text(names.subarray(number(entry, 0))), header: number(entry, 8) };
    });
  }

  #once(address: number, path: string): void {
    if (this.#seen.has(address)) throw new InvalidHdf5(`${path} overlaps another object`);
    this.#seen.add(address);
  }

  #count(bytes: number, path: string): void {
    this.#read += bytes;
    if (this.#read > this.#file.length) throw new InvalidHdf5(`${path} overlaps another object`);
  }

  #part(address: number, size: number, path: string): Buffer {
    if (address + size > this.#file.length) {
      throw new InvalidHdf5(`${DAMAGED}: ${path || 'the root'} is at byte ${address}, past its end`);
    }
    return this.#file.subarray(address, address + size);
  }
}

/** @returns `undefined` if it has no value */
function dataspace(body: Buffer, path: string): readonly number[] | undefined {
  const [version, rank, , kind] = body;
  if (version !== 1 && version !== 2) throw new InvalidHdf5(`${path} has no shape`);
  if (version === 2 && kind === 2) return undefined;
  const from = version === 1 ? 8 : 4;
  return Array.from({ length: rank! }, (_, axis) => number(body, from + 8 * axis));
}

/** UTF-8, up to the first zero. */
function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(end < 0 ? bytes : bytes.subarray(0, end));
  } catch (error) {
    throw new InvalidHdf5(DAMAGED, { cause: error });
  }
}

function slice(bytes: Buffer, from: number, size: number): Buffer {
  if (from + size > bytes.length) throw new InvalidHdf5(DAMAGED);
  return bytes.subarray(from, from + size);
}

/** An address or a size, of eight bytes. */
function number(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  if (value === undefinedAddress) throw new InvalidHdf5(`${DAMAGED}: it refers to nothing`);
  // Rounding of larger numbers does no harm: every use is checked against the length of the file.
  return Number(value);
}
