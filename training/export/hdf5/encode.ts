import { sizeOf } from '#models/size-of.ts';
import { type Dataset, float32Type, type Group, isGroup, message, signature, undefinedAddress } from './hdf5.ts';

/** Most bytes of a message in an object's header: a multiple of eight, in sixteen bits. */
const LARGEST_MESSAGE = 0xfff8;
/** Half the children of a B-tree's node. The library's own value; here a node has one child at most. */
const TREE_RANK = 16;

/**
 * Returns a file with this root. The same tree gives the same bytes: no times are written.
 *
 * @throws {RangeError} a list of texts is longer than 64 KB, or an array does not have the size of its shape
 */
export function encodeHdf5(root: Group): Uint8Array {
  const file = new Writer(Math.ceil(Math.max(8, mostChildren(root)) / 2));
  return file.finish(file.group(root));
}

function mostChildren({ children }: Group): number {
  let most = children.size;
  for (const child of children.values()) if (isGroup(child)) most = Math.max(most, mostChildren(child));
  return most;
}

interface GroupAddresses {
  readonly header: number;
  readonly tree: number;
  readonly heap: number;
}

class Writer {
  readonly #pieces: Buffer[] = [];
  /** Half the names that a symbol table's node can hold; one node holds a whole group. */
  readonly #leafRank: number;
  /** The address of the next piece; the first comes after the superblock. */
  #end = 96;

  constructor(leafRank: number) {
    this.#leafRank = leafRank;
  }

  group({ attributes, children }: Group): GroupAddresses {
    const names = [...children.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const headers = names.map((name) => {
      const child = children.get(name)!;
      return isGroup(child) ? this.group(child).header : this.#dataset(name, child);
    });
    const { heap, offsets } = this.#heap(names);
    const tree = this.#tree(names.length === 0 ? undefined : this.#symbols(headers, offsets), offsets.at(-1) ?? 0);
    const header = this.#header([
      [message.symbolTable, Buffer.concat([unsigned(tree, 8), unsigned(heap, 8)])],
      ...[...attributes].map(([name, value]) => [message.attribute, this.#attribute(name, value)] as const),
    ]);
    return { header, tree, heap };
  }

  finish({ header, tree, heap }: GroupAddresses): Uint8Array {
    const superblock = Buffer.concat([
      signature,
      Buffer.from([0, 0, 0, 0, 0, 8, 8, 0]), // versions; the sizes of addresses and of lengths
      unsigned(this.#leafRank, 2),
      unsigned(TREE_RANK, 2),
      unsigned(0, 4),
      unsigned(0, 8), // addresses count from the start of the file
      unsigned(undefinedAddress, 8),
      unsigned(this.#end, 8),
      unsigned(undefinedAddress, 8),
      unsigned(0, 8), // the root has no name
      unsigned(header, 8),
      unsigned(1, 8), // a symbol table follows
      unsigned(tree, 8),
      unsigned(heap, 8),
    ]);
    return Buffer.concat([superblock, ...this.#pieces]);
  }

  #dataset(name: string, { shape, data }: Dataset): number {
    const size = sizeOf(shape);
    if (size !== data.length) throw new RangeError(`${name} has ${data.length} values for shape [${shape}].`);
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const address = bytes.length === 0 ? undefinedAddress : this.#add(bytes);
    return this.#header([
      [message.dataspace, dataspace(shape)],
      [message.datatype, float32Type],
      [message.fillValue, Buffer.from([2, 2, 2, 1, 0, 0, 0, 0])], // the default value, for values that were never written
      [message.layout, Buffer.concat([Buffer.from([3, 1]), unsigned(address, 8), unsigned(bytes.length, 8)])],
    ]);
  }

  #header(messages: readonly (readonly [kind: number, body: Buffer])[]): number {
    const encoded = messages.map(([kind, body]) => {
      const padded = pad(body);
      return Buffer.concat([unsigned(kind, 2), unsigned(padded.length, 2), unsigned(0, 4), padded]);
    });
    const body = Buffer.concat(encoded);
    // Version 1, the number of messages, one reference to the object.
    const prefix = Buffer.concat([unsigned(1, 2), unsigned(messages.length, 2), unsigned(1, 4)]);
    return this.#add(Buffer.concat([prefix, unsigned(body.length, 4), unsigned(0, 4), body]));
  }

  /** A text, or a list of texts, padded with zeros to the length of the longest. */
  #attribute(name: string, value: string | readonly string[]): Buffer {
    const texts = (typeof value === 'string' ? [value] : value).map((text) => Buffer.from(text));
    const length = Math.max(1, ...texts.map((text) => text.length));
    const space = dataspace(typeof value === 'string' ? [] : [value.length]);
    const padded = texts.map((text) => Buffer.concat([text], length));
    const body = attributeBody(name, textType(length), space, padded);
    if (body.length <= LARGEST_MESSAGE) return body;
    if (typeof value !== 'string') {
      throw new RangeError(`Attribute ${name} has ${body.length} bytes; a list of texts can have ${LARGEST_MESSAGE}.`);
    }
    return attributeBody(name, variableTextType, space, [this.#distantText(texts[0]!)]);
  }

  /** Puts a text that is too long for a header into a heap with nothing else in it. @returns what refers to it */
  #distantText(text: Buffer): Buffer {
    const object = Buffer.concat([unsigned(1, 2), unsigned(1, 2), unsigned(0, 4), unsigned(text.length, 8), pad(text)]);
    const heap = this.#add(Buffer.concat([Buffer.from('GCOL\x01\0\0\0'), unsigned(16 + object.length, 8), object]));
    return Buffer.concat([unsigned(text.length, 4), unsigned(heap, 8), unsigned(1, 4)]);
  }

  /** The names of a group's children. */
  #heap(names: readonly string[]): { heap: number; offsets: number[] } {
    let size = 8; // the empty name comes first
    const texts: Buffer[] = [Buffer.alloc(size)];
    const offsets = names.map((name) => {
      const text = pad(Buffer.from(`${name}\0`));
      const offset = size;
      texts.push(text);
      size += text.length;
      return offset;
    });
    const data = this.#add(Buffer.concat(texts));
    const heap = this.#add(
      Buffer.concat([Buffer.from('HEAP\0\0\0\0'), unsigned(size, 8), unsigned(1, 8), unsigned(data, 8)]), // 1: nothing free
    );
    return { heap, offsets };
  }

  #symbols(headers: readonly number[], offsets: readonly number[]): number {
    const node = Buffer.alloc(8 + 2 * this.#leafRank * 40);
    node.write('SNOD\x01', 'latin1');
    node.writeUInt16LE(headers.length, 6);
    headers.forEach((header, index) => {
      node.writeBigUInt64LE(BigInt(offsets[index]!), 8 + 40 * index);
      node.writeBigUInt64LE(BigInt(header), 16 + 40 * index);
    });
    return this.#add(node);
  }

  /** @param last the last child's name, as an offset in the heap */
  #tree(symbols: number | undefined, last: number): number {
    const node = Buffer.alloc(24 + 2 * TREE_RANK * 16 + 8);
    node.write('TREE', 'latin1');
    node.writeUInt16LE(symbols === undefined ? 0 : 1, 6);
    node.writeBigUInt64LE(undefinedAddress, 8);
    node.writeBigUInt64LE(undefinedAddress, 16);
    if (symbols !== undefined) {
      node.writeBigUInt64LE(BigInt(symbols), 32);
      node.writeBigUInt64LE(BigInt(last), 40);
    }
    return this.#add(node);
  }

  /** @returns its address */
  #add(piece: Buffer): number {
    const address = this.#end;
    const padded = pad(piece);
    this.#pieces.push(padded);
    this.#end += padded.length;
    return address;
  }
}

function dataspace(shape: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from([1, shape.length, 0, 0, 0, 0, 0, 0]), ...shape.map((size) => unsigned(size, 8))]);
}

/** Type of texts of a fixed length: UTF-8, padded with zeros. */
function textType(length: number): Buffer {
  return Buffer.concat([Buffer.from([0x13, 0x11, 0, 0]), unsigned(length, 4)]);
}

/** Type of texts in a global heap, UTF-8: a value is a reference of 16 bytes. */
const variableTextType = Buffer.from('190101001000000010000000010000000000080000000000', 'hex');

function attributeBody(name: string, type: Buffer, space: Buffer, values: readonly Buffer[]): Buffer {
  const label = Buffer.from(`${name}\0`);
  return Buffer.concat([
    unsigned(1, 2),
    ...[label, type, space].map((part) => unsigned(part.length, 2)),
    ...[label, type, space].map(pad),
    ...values,
  ]);
}

/** Appends zeros up to a multiple of eight bytes. */
function pad(bytes: Buffer): Buffer {
  const length = Math.ceil(bytes.length / 8) * 8;
  return length === bytes.length ? bytes : Buffer.concat([bytes], length);
}

function unsigned(value: number | bigint, bytes: 2 | 4 | 8): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer.subarray(0, bytes);
}
