import { readSync } from 'node:fs';

/** The next bytes of an open file, in this thread; fewer than `size` if the file was cut meanwhile. */
export function readBytes(descriptor: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let length = 0; length < size; ) {
    const read = readSync(descriptor, bytes, length, size - length, null);
    if (read === 0) return bytes.subarray(0, length);
    length += read;
  }
  return bytes;
}
