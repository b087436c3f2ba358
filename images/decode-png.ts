import { crc32, inflateSync } from 'node:zlib';
import { CorruptImage } from './image-errors.ts';
import type { RgbImage } from './rgb-image.ts';

/**
 * Decodes PNG (third edition) with Node's zlib: every colour type and bit depth, interlaced or not; of an animation, the
 * default image. Other decoders inflate before they check the size, so that a kilobyte can become a gigabyte. Here the header
 * limits the output.
 *
 * @see https://www.w3.org/TR/png-3/
 */
export function decodePng(bytes: Uint8Array): RgbImage {
  const header = readPngHeader(bytes);
  const { palette, transparency, data } = readChunks(bytes, header);
  const passes = header.interlaced ? adam7(header) : [{ x: 0, y: 0, dx: 1, dy: 1, ...size(header) }];
  const lines = inflate(data, total(passes.map((pass) => pass.height * (1 + bytesPerLine(header, pass.width)))));

  const pixels = new Uint8Array(header.width * header.height * 3); // [H, W, 3]
  const writeLine = lineWriter(header, palette, transparency, pixels);
  let offset = 0;
  for (const pass of passes) {
    const length = bytesPerLine(header, pass.width);
    let above: Uint8Array = new Uint8Array(length);
    for (let row = 0; row < pass.height; row++) {
      const line = lines.subarray(offset + 1, offset + 1 + length);
      unfilter(lines[offset]!, line, above, Math.max(1, bitsPerPixel(header) >> 3));
      writeLine(line, pass.width, ((pass.y + row * pass.dy) * header.width + pass.x) * 3, pass.dx * 3);
      above = line;
      offset += 1 + length;
    }
  }
  return { ...size(header), pixels };
}

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits per sample or palette index. */
  readonly depth: number;
  readonly color: Color;
  readonly interlaced: boolean;
}

/** @throws {CorruptImage} the header is missing or invalid */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  if (bytes.length < 33) throw damaged('it ends within its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(8) !== 13 || view.getUint32(12) !== IHDR) throw damaged('its header is missing');
  if (crc32(bytes.subarray(12, 29)) !== view.getUint32(29)) throw damaged('the checksum of its header is wrong');

  const width = view.getUint32(16);
  const height = view.getUint32(20);
  if (width === 0 || height === 0 || width > 0x7fffffff || height > 0x7fffffff) {
    throw damaged(`its header says ${width}x${height}`);
  }
  const [depth, type, compression, filter, interlace] = bytes.subarray(24, 29) as unknown as number[];
  const color = COLORS[type!];
  if (!color?.depths.includes(depth!)) throw damaged(`it has colour type ${type} with ${depth} bits`);
  if (compression !== 0 || filter !== 0 || interlace! > 1)
    throw damaged('its compression, filter or interlace method is unknown');
  return { width, height, depth: depth!, color, interlaced: interlace === 1 };
}

interface Color {
  readonly kind: 'grey' | 'rgb' | 'palette' | 'grey-alpha' | 'rgb-alpha';
  readonly channels: number;
  readonly depths: readonly number[];
}

/** Colour types by number; 1 and 5 do not exist. */
const COLORS: Readonly<Record<number, Color>> = {
  0: { kind: 'grey', channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { kind: 'rgb', channels: 3, depths: [8, 16] },
  3: { kind: 'palette', channels: 1, depths: [1, 2, 4, 8] },
  4: { kind: 'grey-alpha', channels: 2, depths: [8, 16] },
  6: { kind: 'rgb-alpha', channels: 4, depths: [8, 16] },
};

const IHDR = 0x49484452;
const PLTE = 0x504c5445;
const TRNS = 0x74524e53;
const IDAT = 0x49444154;
const IEND = 0x49454e44;

interface Chunks {
  /** RGB triples. */
  readonly palette: Uint8Array;
  /** Alpha by palette index, or the transparent colour with 16 bits per sample. */
  readonly transparency: Uint8Array;
  readonly data: Uint8Array;
}

function readChunks(bytes: Uint8Array, header: PngHeader): Chunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data: Uint8Array[] = [];
  let palette: Uint8Array | undefined;
  let transparency = new Uint8Array(0);
  for (let offset = 33; ; ) {
    // Like other decoders, accepts a file without its last chunk if the image data is complete: inflating decides.
    if (offset === bytes.length && data.length > 0) break;
    if (offset + 12 > bytes.length) throw damaged('it ends early');
    const length = view.getUint32(offset);
    const type = view.getUint32(offset + 4);
    if (offset + 12 + length > bytes.length) throw damaged('it ends early');
    const isCritical = (type & 0x20000000) === 0;
    if (isCritical || type === TRNS) {
      if (crc32(bytes.subarray(offset + 4, offset + 8 + length)) !== view.getUint32(offset + 8 + length)) {
        throw damaged(`the checksum at byte ${offset} is wrong`);
      }
    }
    const body = bytes.subarray(offset + 8, offset + 8 + length);
    if (type === IDAT) data.push(body);
    else if (type === PLTE) palette = body;
    else if (type === TRNS) transparency = body.slice();
    else if (type === IEND) break;
    else if (isCritical) throw damaged(`it has an unknown critical chunk at byte ${offset}`);
    offset += 12 + length;
  }
  if (data.length === 0) throw damaged('it has no pixels');
  if (header.color.kind === 'palette' && (!palette || palette.length === 0 || palette.length % 3 !== 0)) {
    throw damaged('its palette is missing or broken');
  }
  return {
    palette: palette ?? new Uint8Array(0),
    transparency,
    data: data.length === 1 ? data[0]! : Buffer.concat(data),
  };
}

/** @param expected the exact number of bytes of the output */
function inflate(data: Uint8Array, expected: number): Uint8Array {
  let lines: Uint8Array;
  try {
    lines = inflateSync(data, { maxOutputLength: expected, chunkSize: Math.max(64, Math.min(expected, 1 << 18)) });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw damaged('it has more pixels than its header says');
    throw damaged('its compressed pixels cannot be read', { cause: error });
  }
  if (lines.length < expected) throw damaged('it has fewer pixels than its header says');
  return lines;
}

/** Reverses the filter of a line in place. @param step distance in bytes to the pixel on the left */
function unfilter(filter: number, line: Uint8Array, above: Uint8Array, step: number): void {
  const length = line.length;
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let index = step; index < length; index++) line[index]! += line[index - step]!;
      return;
    case 2:
      for (let index = 0; index < length; index++) line[index]! += above[index]!;
      return;
    case 3:
      for (let index = 0; index < length; index++) {
        const left = index < step ? 0 : line[index - step]!;
        line[index]! += (left + above[index]!) >> 1;
      }
      return;
    case 4:
      for (let index = 0; index < length; index++) {
        const left = index < step ? 0 : line[index - step]!;
        const corner = index < step ? 0 : above[index - step]!;
        line[index]! += paeth(left, above[index]!, corner);
      }
      return;
    default:
      throw damaged(`a line has filter ${filter}`);
  }
}

function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

/** Writes `width` pixels of an unfiltered line to the image, from byte `start`, `step` bytes apart. */
type LineWriter = (line: Uint8Array, width: number, start: number, step: number) => void;

function lineWriter(header: PngHeader, palette: Uint8Array, transparency: Uint8Array, pixels: Uint8Array): LineWriter {
  const { color, depth } = header;
  if (color.kind === 'palette' || (color.kind === 'grey' && depth <= 8)) {
    const table = color.kind === 'palette' ? paletteTable(palette, transparency) : greyTable(depth, transparency);
    return tableWriter(table, depth, pixels);
  }
  if (color.kind === 'rgb' && depth === 8 && transparency.length === 0) return rgbWriter(pixels);
  return sampleWriter(header, transparency, pixels);
}

function rgbWriter(pixels: Uint8Array): LineWriter {
  return (line, width, start, step) => {
    if (step === 3) return pixels.set(line, start);
    for (let pixel = 0; pixel < width; pixel++) {
      const to = start + pixel * step;
      pixels[to] = line[pixel * 3]!;
      pixels[to + 1] = line[pixel * 3 + 1]!;
      pixels[to + 2] = line[pixel * 3 + 2]!;
    }
  };
}

/** For samples of 1 to 8 bits that map to one colour each. @param table RGB triples, blended with white */
function tableWriter(table: Uint8Array, depth: number, pixels: Uint8Array): LineWriter {
  const mask = (1 << depth) - 1;
  return (line, width, start, step) => {
    for (let pixel = 0; pixel < width; pixel++) {
      const bit = pixel * depth;
      const entry = ((line[bit >> 3]! >> (8 - depth - (bit & 7))) & mask) * 3;
      if (entry >= table.length) throw damaged('a pixel points outside the palette');
      const to = start + pixel * step;
      pixels[to] = table[entry]!;
      pixels[to + 1] = table[entry + 1]!;
      pixels[to + 2] = table[entry + 2]!;
    }
  };
}

function paletteTable(palette: Uint8Array, alpha: Uint8Array): Uint8Array {
  return palette.map((value, index) => {
    const entry = Math.floor(index / 3);
    return entry < alpha.length ? blendWithWhite(value, alpha[entry]! / 255) : value;
  });
}

function greyTable(depth: number, transparency: Uint8Array): Uint8Array {
  const entries = 1 << depth;
  const transparent = transparency.length === 2 ? (transparency[0]! << 8) | transparency[1]! : -1;
  return Uint8Array.from({ length: entries * 3 }, (_, index) => {
    const value = Math.floor(index / 3);
    return value === transparent ? 255 : Math.round((value * 255) / (entries - 1));
  });
}

/** For 16 bits per sample, an alpha channel, or a transparent colour. */
function sampleWriter(header: PngHeader, transparency: Uint8Array, pixels: Uint8Array): LineWriter {
  const { channels, kind } = header.color;
  const bytes = header.depth >> 3;
  const maximum = bytes === 2 ? 65535 : 255;
  const sample = (line: Uint8Array, index: number) =>
    bytes === 2 ? (line[index * 2]! << 8) | line[index * 2 + 1]! : line[index]!;
  const hasAlpha = kind === 'grey-alpha' || kind === 'rgb-alpha';
  const colors = hasAlpha ? channels - 1 : channels;
  const transparent =
    !hasAlpha && transparency.length === colors * 2
      ? Array.from({ length: colors }, (_, color) => (transparency[color * 2]! << 8) | transparency[color * 2 + 1]!)
      : undefined;
  return (line, width, start, step) => {
    for (let pixel = 0; pixel < width; pixel++) {
      const from = pixel * channels;
      let alpha = 1;
      if (hasAlpha) alpha = sample(line, from + colors) / maximum;
      else if (transparent?.every((value, color) => value === sample(line, from + color))) alpha = 0;
      for (let channel = 0; channel < 3; channel++) {
        const value = sample(line, from + (colors === 1 ? 0 : channel));
        pixels[start + pixel * step + channel] = blendWithWhite((value * 255) / maximum, alpha);
      }
    }
  };
}

function blendWithWhite(value: number, alpha: number): number {
  return Math.round(value * alpha + 255 * (1 - alpha));
}

interface Pass {
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
  readonly width: number;
  readonly height: number;
}

/** The seven passes of an interlaced image, without the empty ones, which the file omits. */
function adam7({ width, height }: PngHeader): Pass[] {
  return [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ]
    .map(([x, y, dx, dy]) => ({
      ...{ x: x!, y: y!, dx: dx!, dy: dy! },
      width: Math.ceil((width - x!) / dx!),
      height: Math.ceil((height - y!) / dy!),
    }))
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

function size({ width, height }: PngHeader): { width: number; height: number } {
  return { width, height };
}

function bitsPerPixel({ depth, color }: PngHeader): number {
  return depth * color.channels;
}

function bytesPerLine(header: PngHeader, width: number): number {
  return Math.ceil((width * bitsPerPixel(header)) / 8);
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function damaged(reason: string, options?: ErrorOptions): CorruptImage {
  return new CorruptImage('PNG', reason, options);
}
