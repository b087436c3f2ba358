/** Samples at a side of a decoded block: 8, or fewer where the image is decoded at a reduced size. */
export type Side = 1 | 2 | 4 | 8;

export interface BlockSize {
  readonly across: Side;
  readonly down: Side;
}

/**
 * Turns a block of dequantized coefficients into samples.
 *
 * @param block 64 coefficients, row by row
 * @param to samples of 0 to 255, written from `at` on, `stride` apart line by line
 */
export type InverseDct = (block: Int32Array, to: Uint8Array, at: number, stride: number) => void;

export function inverseDct({ across, down }: BlockSize): InverseDct {
  if (across === 8 && down === 8) return inverse8;
  if (across === 1 && down === 1) return inverse1;
  const [meansAcross, meansDown] = [meansOf(across), meansOf(down)];
  return (block, to, at, stride) => inverseMeans(block, meansAcross, meansDown, to, at, stride);
}

/** Writes the samples of a block without other coefficients than the first. */
export function fillBlock(dc: number, { across, down }: BlockSize, to: Uint8Array, at: number, stride: number): void {
  const value = clamp(((dc + 4) >> 3) + 128);
  for (let y = 0; y < down; y++, at += stride) to.fill(value, at, at + across);
}

function inverse1(block: Int32Array, to: Uint8Array, at: number): void {
  to[at] = clamp(((block[0]! + 4) >> 3) + 128);
}

// Factors of the algorithm below, times 2^13.
const F0_298 = 2446;
const F0_390 = 3196;
const F0_541 = 4433;
const F0_765 = 6270;
const F0_899 = 7373;
const F1_175 = 9633;
const F1_501 = 12299;
const F1_847 = 15137;
const F1_961 = 16069;
const F2_053 = 16819;
const F2_562 = 20995;
const F3_072 = 25172;

const columns = new Int32Array(64);

/**
 * Loeffler, Ligtenberg and Moschytz's transform with 13 bits of fraction: the same integers as libjpeg's `jidctint.c`, so that
 * the pixels are the same.
 */
function inverse8(block: Int32Array, to: Uint8Array, at: number, stride: number): void {
  for (let x = 0; x < 8; x++) {
    const c1 = block[x + 8]!;
    const c2 = block[x + 16]!;
    const c3 = block[x + 24]!;
    const c4 = block[x + 32]!;
    const c5 = block[x + 40]!;
    const c6 = block[x + 48]!;
    const c7 = block[x + 56]!;
    if ((c1 | c2 | c3 | c4 | c5 | c6 | c7) === 0) {
      const value = block[x]! << 2;
      for (let y = x; y < 64; y += 8) columns[y] = value;
      continue;
    }
    const e = Math.imul(c2 + c6, F0_541);
    const e2 = e - Math.imul(c6, F1_847);
    const e3 = e + Math.imul(c2, F0_765);
    const e0 = (block[x]! + c4) << 13;
    const e1 = (block[x]! - c4) << 13;
    const a0 = e0 + e3 + 1024;
    const a3 = e0 - e3 + 1024;
    const a1 = e1 + e2 + 1024;
    const a2 = e1 - e2 + 1024;

    const z5 = Math.imul(c7 + c3 + c5 + c1, F1_175);
    const z1 = -Math.imul(c7 + c1, F0_899);
    const z2 = -Math.imul(c5 + c3, F2_562);
    const z3 = z5 - Math.imul(c7 + c3, F1_961);
    const z4 = z5 - Math.imul(c5 + c1, F0_390);
    const o0 = Math.imul(c7, F0_298) + z1 + z3;
    const o1 = Math.imul(c5, F2_053) + z2 + z4;
    const o2 = Math.imul(c3, F3_072) + z2 + z3;
    const o3 = Math.imul(c1, F1_501) + z1 + z4;

    columns[x] = (a0 + o3) >> 11;
    columns[x + 56] = (a0 - o3) >> 11;
    columns[x + 8] = (a1 + o2) >> 11;
    columns[x + 48] = (a1 - o2) >> 11;
    columns[x + 16] = (a2 + o1) >> 11;
    columns[x + 40] = (a2 - o1) >> 11;
    columns[x + 24] = (a3 + o0) >> 11;
    columns[x + 32] = (a3 - o0) >> 11;
  }
  for (let y = 0; y < 64; y += 8, at += stride) {
    const c1 = columns[y + 1]!;
    const c2 = columns[y + 2]!;
    const c3 = columns[y + 3]!;
    const c4 = columns[y + 4]!;
    const c5 = columns[y + 5]!;
    const c6 = columns[y + 6]!;
    const c7 = columns[y + 7]!;
    const e = Math.imul(c2 + c6, F0_541);
    const e2 = e - Math.imul(c6, F1_847);
    const e3 = e + Math.imul(c2, F0_765);
    const e0 = (columns[y]! + c4) << 13;
    const e1 = (columns[y]! - c4) << 13;
    // Half a unit for rounding, and 128, because samples are stored as differences from it.
    const a0 = e0 + e3 + 33685504;
    const a3 = e0 - e3 + 33685504;
    const a1 = e1 + e2 + 33685504;
    const a2 = e1 - e2 + 33685504;

    const z5 = Math.imul(c7 + c3 + c5 + c1, F1_175);
    const z1 = -Math.imul(c7 + c1, F0_899);
    const z2 = -Math.imul(c5 + c3, F2_562);
    const z3 = z5 - Math.imul(c7 + c3, F1_961);
    const z4 = z5 - Math.imul(c5 + c1, F0_390);
    const o0 = Math.imul(c7, F0_298) + z1 + z3;
    const o1 = Math.imul(c5, F2_053) + z2 + z4;
    const o2 = Math.imul(c3, F3_072) + z2 + z3;
    const o3 = Math.imul(c1, F1_501) + z1 + z4;

    to[at] = clamp((a0 + o3) >> 18);
    to[at + 7] = clamp((a0 - o3) >> 18);
    to[at + 1] = clamp((a1 + o2) >> 18);
    to[at + 6] = clamp((a1 - o2) >> 18);
    to[at + 2] = clamp((a2 + o1) >> 18);
    to[at + 5] = clamp((a2 - o1) >> 18);
    to[at + 3] = clamp((a3 + o0) >> 18);
    to[at + 4] = clamp((a3 - o0) >> 18);
  }
}

/**
 * The means of `8 / side` neighbouring samples, as weights of the 8 coefficients: `[side, 8]`. Decoding at a reduced size thus
 * gives what averaging the whole image would give, except for rounding.
 */
function meansOf(side: Side): Float64Array {
  const means = new Float64Array(side * 8);
  const each = 8 / side;
  for (let sample = 0; sample < 8; sample++) {
    for (let frequency = 0; frequency < 8; frequency++) {
      const norm = frequency === 0 ? Math.SQRT1_2 / 2 : 1 / 2;
      means[Math.floor(sample / each) * 8 + frequency]! +=
        (norm * Math.cos(((2 * sample + 1) * frequency * Math.PI) / 16)) / each;
    }
  }
  return means;
}

const rows = new Float64Array(64);

function inverseMeans(
  block: Int32Array,
  meansAcross: Float64Array,
  meansDown: Float64Array,
  to: Uint8Array,
  at: number,
  stride: number,
): void {
  rows.fill(0); // [rows, 8]
  for (let frequency = 0; frequency < 8; frequency++) {
    for (let x = 0; x < 8; x++) {
      const coefficient = block[frequency * 8 + x]!;
      if (coefficient === 0) continue;
      for (let row = 0; row < meansDown.length; row += 8) rows[row + x]! += coefficient * meansDown[row + frequency]!;
    }
  }
  for (let row = 0; row < meansDown.length; row += 8, at += stride) {
    for (let column = 0; column < meansAcross.length; column += 8) {
      let sum = 128.5;
      for (let frequency = 0; frequency < 8; frequency++)
        sum += rows[row + frequency]! * meansAcross[column + frequency]!;
      to[at + (column >> 3)] = clamp(Math.floor(sum));
    }
  }
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
