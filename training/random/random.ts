/**
 * Random numbers keyed by their purpose: the same seed and keys give the same numbers, whatever was drawn before. There is no
 * generator state, so a checkpoint needs none, and a resumed run draws what the uninterrupted one would have drawn.
 *
 * The generator is Philox4x32-10: the seed is its 64-bit key, and its 128-bit counter holds the keys and the number of the
 * block, so no two streams of a run can overlap.
 *
 * @see Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"; `random.test.ts` has their known answers.
 */
export interface Random {
  /** Uniform in [0, 1), a multiple of 2⁻³². */
  uniform(): number;
  /** A whole number from 0 to `limit - 1`, each equally likely. @param limit 1 to 2³² */
  integer(limit: number): number;
  /** Standard normal. */
  normal(): number;
  /** Permutes an array in place, each order equally likely. @returns the same array */
  shuffle(values: Int32Array): Int32Array;
}

/** The purpose of a stream, its first key, so that two parts of the program never draw the same numbers. */
export const purpose = {
  weights: 1,
  order: 2,
  flips: 3,
  crops: 4,
  report: 5,
  dropout: 7,
  heldOut: 8,
  areas: 9,
  operations: 10,
  colors: 11,
  holes: 12,
  verticalFlips: 13,
  angles: 14,
  scales: 15,
} as const;

/**
 * @param seed a whole number, 0 to 2⁵³ - 1
 * @param keys at most three whole numbers, each 0 to 2³² - 1, such as `purpose.crops, epoch`. Fewer keys are another stream,
 *   not the same one with zeros.
 */
export function random(seed: number, ...keys: readonly number[]): Random {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`A seed is a whole number from 0, not ${seed}.`);
  if (keys.length > 3) throw new RangeError(`At most three keys name a stream, not ${keys.length}.`);
  for (const key of keys) {
    if (key !== key >>> 0) throw new RangeError(`A key is a whole number from 0 to 2^32 - 1, not ${key}.`);
  }

  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)] as const;
  const [first = 0, second = 0, third = 0] = keys;
  const block = new Uint32Array(4);
  let blocks = 0;
  let used = block.length;
  let spareNormal: number | undefined;

  const word = (): number => {
    if (used === block.length) {
      if (blocks === 2 ** 30) throw new RangeError('This stream of random numbers is at its end.');
      // The upper two bits distinguish streams with different numbers of keys.
      philox(block, [((keys.length << 30) | blocks++) >>> 0, first, second, third], key);
      used = 0;
    }
    return block[used++]!;
  };

  const uniform = () => word() / 2 ** 32;

  const integer = (limit: number) => {
    // Numbers past the last whole multiple of the limit would favour small results, so they are drawn again.
    const fair = 2 ** 32 - (2 ** 32 % limit);
    let drawn = word();
    while (drawn >= fair) drawn = word();
    return drawn % limit;
  };

  const normal = () => {
    if (spareNormal !== undefined) {
      const drawn = spareNormal;
      spareNormal = undefined;
      return drawn;
    }
    // Box-Muller; 1 - u is in (0, 1], so the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };

  const shuffle = (values: Int32Array) => {
    for (let last = values.length - 1; last > 0; last--) {
      const other = integer(last + 1);
      const held = values[last]!;
      values[last] = values[other]!;
      values[other] = held;
    }
    return values;
  };

  return { uniform, integer, normal, shuffle };
}

type Words4 = readonly [number, number, number, number];

/** Philox4x32-10: writes the four 32-bit words that a counter and a key stand for. */
export function philox(into: Uint32Array, counter: Words4, key: readonly [number, number]): void {
  let [a, b, c, d] = counter;
  let [left, right] = key;
  for (let round = 0; round < 10; round++) {
    const highA = multiplyHigh(0xd2511f53, a);
    const lowA = Math.imul(0xd2511f53, a);
    const highC = multiplyHigh(0xcd9e8d57, c);
    const lowC = Math.imul(0xcd9e8d57, c);
    a = (highC ^ b ^ left) >>> 0;
    b = lowC >>> 0;
    c = (highA ^ d ^ right) >>> 0;
    d = lowA >>> 0;
    left = (left + 0x9e3779b9) >>> 0;
    right = (right + 0xbb67ae85) >>> 0;
  }
  into[0] = a;
  into[1] = b;
  into[2] = c;
  into[3] = d;
}

/** The upper 32 bits of the 64-bit product of two 32-bit words. */
function multiplyHigh(x: number, y: number): number {
  const xLow = x & 0xffff;
  const xHigh = x >>> 16;
  const yLow = y & 0xffff;
  const yHigh = y >>> 16;
  const middle = xHigh * yLow + ((xLow * yLow) >>> 16);
  const carry = xLow * yHigh + (middle % 0x10000);
  return xHigh * yHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000);
}
