import type { Colors } from './frame.ts';

/** Samples of a component, at the size at which it is decoded. */
export interface Plane {
  /** `[…, stride]` */
  readonly samples: Uint8Array;
  readonly stride: number;
  /** Without padding. */
  readonly width: number;
  readonly height: number;
  /** Image pixels for a sample. */
  readonly across: number;
  readonly down: number;
}

/** Receives the rows of an image from top to bottom. @param pixels `[width, 3]` RGB, valid during the call */
export type RowReader = (pixels: Uint8Array) => void;

/** Puts the planes of an image together to rows of RGB. */
export function readRows(
  planes: readonly Plane[],
  width: number,
  height: number,
  colors: Colors,
  row: RowReader,
): void {
  const enlarge = planes.map((plane) => enlarger(plane, width));
  const toRgb = COLORS[colors];
  const pixels = new Uint8Array(width * 3);
  for (let y = 0; y < height; y++) {
    toRgb(
      enlarge.map((line) => line(y)),
      pixels,
      width,
    );
    row(pixels);
  }
}

/**
 * Makes a function that returns a row of a plane at the size of the image. Twofold enlargement interpolates between the
 * samples, like libjpeg's "fancy upsampling", with the same rounding; other factors repeat them.
 */
function enlarger(plane: Plane, width: number): (y: number) => Uint8Array {
  const { samples, stride, across, down } = plane;
  const line = (y: number) => samples.subarray(y * stride, y * stride + plane.width);
  if (across === 1 && down === 1) return line;
  const to = new Uint8Array(Math.max(width, plane.width * 2));
  if (across === 2 && down === 1 && plane.width > 2) {
    return (y) => {
      interpolateAcross(line(y), to);
      return to;
    };
  }
  /** The row on the other side of the pixel's row. */
  const neighbour = (y: number) => line(Math.min(plane.height - 1, Math.max(0, (y >> 1) + ((y & 1) === 0 ? -1 : 1))));
  if (across === 1 && down === 2) {
    return (y) => {
      const [near, far, bias] = [line(y >> 1), neighbour(y), (y & 1) === 0 ? 1 : 2];
      for (let x = 0; x < near.length; x++) to[x] = (near[x]! * 3 + far[x]! + bias) >> 2;
      return to;
    };
  }
  if (across === 2 && down === 2 && plane.width > 2) {
    const sums = new Uint16Array(plane.width);
    return (y) => {
      const [near, far] = [line(y >> 1), neighbour(y)];
      for (let x = 0; x < near.length; x++) sums[x] = near[x]! * 3 + far[x]!;
      interpolateSums(sums, to);
      return to;
    };
  }
  return (y) => {
    const from = line(Math.floor(y / down));
    for (let x = 0; x < width; x++) to[x] = from[Math.floor(x / across)]!;
    return to;
  };
}

function interpolateAcross(from: Uint8Array, to: Uint8Array): void {
  const last = from.length - 1;
  to[0] = from[0]!;
  to[1] = (from[0]! * 3 + from[1]! + 2) >> 2;
  for (let x = 1; x < last; x++) {
    to[x * 2] = (from[x]! * 3 + from[x - 1]! + 1) >> 2;
    to[x * 2 + 1] = (from[x]! * 3 + from[x + 1]! + 2) >> 2;
  }
  to[last * 2] = (from[last]! * 3 + from[last - 1]! + 1) >> 2;
  to[last * 2 + 1] = from[last]!;
}

/** The same between two rows, whose weighted sum is four times a sample. */
function interpolateSums(from: Uint16Array, to: Uint8Array): void {
  const last = from.length - 1;
  to[0] = (from[0]! * 4 + 8) >> 4;
  to[1] = (from[0]! * 3 + from[1]! + 7) >> 4;
  for (let x = 1; x < last; x++) {
    to[x * 2] = (from[x]! * 3 + from[x - 1]! + 8) >> 4;
    to[x * 2 + 1] = (from[x]! * 3 + from[x + 1]! + 7) >> 4;
  }
  to[last * 2] = (from[last]! * 3 + from[last - 1]! + 8) >> 4;
  to[last * 2 + 1] = (from[last]! * 4 + 7) >> 4;
}

type ToRgb = (lines: readonly Uint8Array[], to: Uint8Array, width: number) => void;

const COLORS: Readonly<Record<Colors, ToRgb>> = {
  grey([grey], to, width) {
    for (let x = 0; x < width; x++) to.fill(grey![x]!, x * 3, x * 3 + 3);
  },
  rgb([red, green, blue], to, width) {
    for (let x = 0; x < width; x++) {
      to[x * 3] = red![x]!;
      to[x * 3 + 1] = green![x]!;
      to[x * 3 + 2] = blue![x]!;
    }
  },
  ycc: yccToRgb,
  cmyk([cyan, magenta, yellow, black], to, width) {
    for (let x = 0; x < width; x++) {
      to[x * 3] = Math.round((cyan![x]! * black![x]!) / 255);
      to[x * 3 + 1] = Math.round((magenta![x]! * black![x]!) / 255);
      to[x * 3 + 2] = Math.round((yellow![x]! * black![x]!) / 255);
    }
  },
  ycck(lines, to, width) {
    yccToRgb(lines, to, width);
    const black = lines[3]!;
    for (let x = 0; x < width * 3; x++) to[x] = Math.round(((255 - to[x]!) * black[Math.floor(x / 3)]!) / 255);
  },
};

const RED_OF_CR = table(1.402, 0.5);
const GREEN_OF_CR = table(-0.71414, 0, 0);
const GREEN_OF_CB = table(-0.34414, 0.5, 0);
const BLUE_OF_CB = table(1.772, 0.5);

/** Shares of a chroma sample in a colour, with 16 bits of fraction or, shifted by them, without. */
function table(factor: number, add: number, shift = 16): Int32Array {
  const fixed = Math.sign(factor) * Math.floor(Math.abs(factor) * 65536 + 0.5);
  return Int32Array.from({ length: 256 }, (_, sample) => (fixed * (sample - 128) + add * 65536) >> shift);
}

/** @see JFIF 1.02 (ITU T.871), with libjpeg's rounding */
function yccToRgb([luma, blueness, redness]: readonly Uint8Array[], to: Uint8Array, width: number): void {
  for (let x = 0; x < width; x++) {
    const y = luma![x]!;
    const cb = blueness![x]!;
    const cr = redness![x]!;
    to[x * 3] = clamp(y + RED_OF_CR[cr]!);
    to[x * 3 + 1] = clamp(y + ((GREEN_OF_CB[cb]! + GREEN_OF_CR[cr]!) >> 16));
    to[x * 3 + 2] = clamp(y + BLUE_OF_CB[cb]!);
  }
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
