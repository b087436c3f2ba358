/** A regular file in a tar archive. */
export interface TarEntry {
  readonly name: string;
  readonly body: Buffer;
}

const BLOCK = 512;

/**
 * The regular files of a tar stream, one in memory at a time.
 *
 * Understands what the data sources need of POSIX ustar: names of at most 100 characters, sizes in octal. Anything but a
 * regular file (folders, pax headers) is passed over.
 *
 * @throws {Error} the stream ends in the middle of an entry, or is no tar archive
 */
export async function* tarEntries(stream: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const read = reader(stream);
  for (;;) {
    const header = await read(BLOCK);
    if (header === undefined || header.every((byte) => byte === 0)) return;
    const text = (from: number, length: number) => {
      const field = header.subarray(from, from + length);
      const end = field.indexOf(0);
      return field.subarray(0, end === -1 ? length : end).toString('latin1');
    };
    const size = Number.parseInt(text(124, 12), 8);
    if (checksum(header) !== Number.parseInt(text(148, 8), 8) || !Number.isSafeInteger(size)) {
      throw new Error('This is not a tar archive.');
    }
    const padded = Math.ceil(size / BLOCK) * BLOCK;
    const content = padded === 0 ? Buffer.alloc(0) : await read(padded);
    const name = text(0, 100);
    if (content === undefined) throw new Error(`The archive ends in the middle of ${name}.`);
    const kind = text(156, 1);
    if (kind === '0' || kind === '') yield { name, body: content.subarray(0, size) };
  }
}

/** The sum of the header's bytes, its own field counted as spaces. */
function checksum(header: Buffer): number {
  let sum = 0;
  for (const [at, byte] of header.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte;
  return sum;
}

/** @returns a function that returns the next `count` bytes, or `undefined` if fewer are left */
function reader(stream: AsyncIterable<Buffer>): (length: number) => Promise<Buffer | undefined> {
  const chunks = stream[Symbol.asyncIterator]();
  let left: Buffer = Buffer.alloc(0);
  return async (length) => {
    const parts = [left];
    let held = left.length;
    while (held < length) {
      const { value, done } = await chunks.next();
      if (done) return undefined;
      parts.push(value);
      held += value.length;
    }
    const bytes = parts.length === 1 ? left : Buffer.concat(parts, held);
    left = bytes.subarray(length);
    return bytes.subarray(0, length);
  };
}
