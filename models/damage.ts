/**
 * Damaged copies of a file, for tests: cut off, zeroed, with a flipped bit, lengthened, or gone.
 *
 * @returns copies by a description; `undefined` means that the file is gone
 */
export function damagesOf(whole: Uint8Array): Map<string, Uint8Array | undefined> {
  const { length } = whole;
  const half = length >> 1;
  const cuts = [0, 1, 7, 8, half, length - 8, length - 1].filter((end) => end >= 0 && end < length);
  const flips = [0, half, length - 1];
  return new Map<string, Uint8Array | undefined>([
    ['gone', undefined],
    ...cuts.map((end): [string, Uint8Array] => [`cut to ${end} of ${length} bytes`, whole.slice(0, end)]),
    ['all zeros', new Uint8Array(length)],
    ['zeros from the middle on', whole.slice().fill(0, half)],
    ...flips.map((at): [string, Uint8Array] => [`a bit of byte ${at} flipped`, flipped(whole, at)]),
    ['a byte too many', lengthened(whole)],
  ]);
}

function lengthened(whole: Uint8Array): Uint8Array {
  const longer = new Uint8Array(whole.length + 1);
  longer.set(whole);
  return longer;
}

/** A copy with the lowest bit of one byte flipped. */
export function flipped(whole: Uint8Array, at: number): Uint8Array {
  return whole.map((byte, index) => (index === at ? byte ^ 1 : byte));
}
