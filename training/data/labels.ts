/** Class indices, one an image: bytes for up to 256 classes, two bytes each for more. */
export type Labels = Uint8Array | Uint16Array;

/**
 * Memory for labels of the same width as others.
 *
 * @param Memory shared memory is seen by other threads
 */
export function emptyLabels(
  like: Labels,
  count: number,
  Memory: typeof ArrayBuffer | typeof SharedArrayBuffer = ArrayBuffer,
): Labels {
  const memory = new Memory(count * like.BYTES_PER_ELEMENT);
  return like instanceof Uint16Array ? new Uint16Array(memory) : new Uint8Array(memory);
}
