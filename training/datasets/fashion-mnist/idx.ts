import { UserError } from '#errors/user-error.ts';

/** An array of bytes in the IDX format. */
export interface Idx {
  /** Such as `[60000, 28, 28]`. */
  readonly shape: readonly number[];
  readonly data: Buffer;
}

/** The code of unsigned bytes, the only type of value that MNIST and its successors have. */
const BYTES = 0x08;

/**
 * Reads an IDX file: two zeros, the type, the number of dimensions, their sizes (big-endian), then the values.
 *
 * @param name of the file, for messages
 * @throws {UserError} it is no IDX file of bytes, or has more or fewer values than it says
 * @see Yann LeCun, "The MNIST database of handwritten digits", "the IDX file format"
 */
export function readIdx(bytes: Buffer, name: string): Idx {
  const [zero, none, type, dimensions = 0] = bytes;
  const start = 4 + 4 * dimensions;
  if (zero !== 0 || none !== 0 || type !== BYTES || dimensions === 0 || bytes.length < start) {
    throw new UserError(`${name} is no IDX file of bytes. Give the file as it is published, gzipped or not.`);
  }
  const shape = Array.from({ length: dimensions }, (_, dimension) => bytes.readUInt32BE(4 + 4 * dimension));
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.length - start !== count) {
    throw new UserError(
      `${name} has ${bytes.length - start} values, and ${shape.join('x')} in its header. Download it again.`,
    );
  }
  return { shape, data: bytes.subarray(start) };
}
