import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, crc32, createInflateRaw, inflateRawSync } from 'node:zlib';
import { CorruptImage } from './image-errors.ts';
import type { ImageFile, RowReader } from './image-file.ts';
import { readOrientation } from './orientation.ts';
import { type PngHeader, readPngHeader } from './png-header.ts';
import { lineWriter } from './png-samples.ts';
import type { Size } from './rgb-image.ts';

/** Images of up to so many bytes, decompressed, are decompressed at once, which is faster; larger ones in parts. */
const SMALL = 1 << 20;

/**
 * Reads the chunks of a PNG file (third edition) and decodes it with Node's zlib: every colour type and bit depth, interlaced or
 * not; of an animation, the default image. The header limits what is decompressed, so that a kilobyte cannot become a gigabyte.
 *
 * Like in browsers, what is wrong behind the pixels or in an ancillary chunk does not matter.
 *
 * @throws {CorruptImage} it is invalid
 * @throws {UnsupportedFeature} it is in Apple's own format
 * @see https://www.w3.org/TR/png-3/
 */
export function openPng(bytes: Uint8Array): ImageFile {
  const header = readPngHeader(bytes);
  const chunks = readChunks(bytes, header);
  return {
    ...{ width: header.width, height: header.height, reductions: [1] },
    orientation: chunks.orientation ?? 1,
    decode: (_, row) => decodeRows(header, chunks, row),
  };
}

async function decodeRows(header: PngHeader, chunks: Chunks, row: RowReader): Promise<readonly string[]> {
  const { width, height, interlaced } = header;
  const repaired = [...chunks.repaired];
  // The passes of an interlaced image are spread over all rows, so that it has to be whole in memory.
  const pixels = new Uint8Array(width * (interlaced ? height : 1) * 3); // [height or 1, width, 3]
  const writer = lineWriter(header, chunks.palette, chunks.transparency, pixels);
  const lines = new LineReader(header, (line, pass, y) => {
    writer.write(line, pass.width, ((pass.y + y * pass.dy) * (interlaced ? width : 0) + pass.x) * 3, pass.dx * 3);
    if (!interlaced) row(pixels);
  });
  await inflate(chunks.data, lines);
  if (!lines.isComplete) throw damaged('it has fewer pixels than its header says');
  if (interlaced) for (let y = 0; y < height; y++) row(pixels.subarray(y * width * 3, (y + 1) * width * 3));
  if (lines.hasMore) repaired.push('more image data than its size needs was ignored');
  if (writer.isOutsidePalette) repaired.push('a color that is not in its palette is shown black');
  return repaired;
}

const PLTE = 0x504c5445;
const TRNS = 0x74524e53;
const EXIF = 0x65584966;
const IDAT = 0x49444154;
const IEND = 0x49454e44;

interface Chunks {
  /** RGB triples. */
  readonly palette: Uint8Array;
  /** Alpha by palette index, or the transparent colour with 16 bits per sample. */
  readonly transparency: Uint8Array;
  readonly orientation: number | undefined;
  /** The bodies of the image data chunks. */
  readonly data: readonly Uint8Array[];
  readonly repaired: readonly string[];
}

function readChunks(bytes: Uint8Array, header: PngHeader): Chunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data: Uint8Array[] = [];
  const repaired: string[] = [];
  let palette: Uint8Array = new Uint8Array(0);
  let transparency: Uint8Array = new Uint8Array(0);
  let orientation: number | undefined;
  for (let offset = 33; ; ) {
    const left = bytes.length - offset;
    const length = left >= 8 ? view.getUint32(offset) : 0;
    const type = left >= 8 ? view.getUint32(offset + 4) : 0;
    const body = bytes.subarray(offset + 8, offset + 8 + length);
    if (left < 12 + length || !isName(type)) {
      // Whether the file ends within its pixels or behind them shows when they are decompressed.
      if (type === IDAT) data.push(body);
      if (data.length === 0) throw damaged('it ends early');
      repaired.push(left > 0 && type !== IDAT ? `${left} stray bytes at its end were ignored` : 'its end is missing');
      break;
    }
    const isIntact = crc32(bytes.subarray(offset + 4, offset + 8 + length)) === view.getUint32(offset + 8 + length);
    const isCritical = (type & 0x20000000) === 0;
    if (type === IEND) break;
    if (!isIntact && isCritical) throw damaged(`the checksum at byte ${offset} is wrong`);
    if (!isIntact) repaired.push(`its chunk ${nameOf(type)}, whose checksum is wrong, was ignored`);
    else if (type === IDAT) data.push(body);
    else if (type === PLTE) palette = body;
    else if (type === TRNS) transparency = body;
    else if (type === EXIF) orientation = readOrientation(body);
    else if (isCritical) throw damaged(`it has an unknown critical chunk at byte ${offset}`);
    offset += 12 + length;
  }
  if (data.length === 0) throw damaged('it has no pixels');
  if (header.color.kind === 'palette' && (palette.length === 0 || palette.length % 3 !== 0)) {
    throw damaged('its palette is missing or broken');
  }
  return { palette, transparency, orientation, data, repaired };
}

/** Whether the name of a chunk consists of four letters. */
function isName(type: number): boolean {
  return /^[A-Za-z]{4}$/.test(nameOf(type));
}

function nameOf(type: number): string {
  return String.fromCharCode(type >>> 24, (type >> 16) & 255, (type >> 8) & 255, type & 255);
}

/**
 * Decompresses image data until all lines are complete. The checksum at its end is not needed: each chunk has one of its own.
 *
 * @throws {CorruptImage} it cannot be decompressed
 */
async function inflate(data: readonly Uint8Array[], lines: LineReader): Promise<void> {
  const stream = Buffer.concat(data);
  const [method = 0, flags = 0] = stream;
  if ((method & 15) !== 8 || method >> 4 > 7 || (flags & 32) !== 0 || ((method << 8) | flags) % 31 !== 0) {
    throw damaged('its compressed pixels cannot be read');
  }
  const deflated = stream.subarray(2);
  if (lines.bytes <= SMALL) {
    const whole = inflateAtOnce(deflated, lines.bytes);
    if (whole) return lines.add(whole);
  }
  try {
    const parts = createInflateRaw({ chunkSize: 1 << 18, finishFlush: constants.Z_SYNC_FLUSH });
    await pipeline(Readable.from([deflated]), parts, async (source: AsyncIterable<Uint8Array>) => {
      for await (const part of source) {
        lines.add(part);
        if (lines.hasMore) return;
      }
    });
  } catch (error) {
    if (error instanceof CorruptImage) throw error;
    // What follows the last line does not matter.
    if (!lines.isComplete) throw damaged('its compressed pixels cannot be read', { cause: error });
  }
}

/** @returns `undefined` if it has more bytes than expected */
function inflateAtOnce(deflated: Uint8Array, expected: number): Uint8Array | undefined {
  try {
    return inflateRawSync(deflated, {
      ...{ maxOutputLength: expected, finishFlush: constants.Z_SYNC_FLUSH },
      chunkSize: Math.max(64, Math.min(expected, 1 << 18)),
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw damaged('its compressed pixels cannot be read', { cause: error });
  }
}

/** Collects decompressed bytes to lines, and reverses their filters. */
class LineReader {
  /** Of all lines, with their filters. */
  readonly bytes: number;
  isComplete = false;
  /** Whether there were bytes after the last line. */
  hasMore = false;
  readonly #passes: readonly Pass[];
  readonly #lengths: readonly number[];
  readonly #step: number;
  readonly #use: (line: Uint8Array, pass: Pass, y: number) => void;
  #pass = 0;
  #y = 0;
  /** The current line, with its filter, and how many bytes of it are there. */
  #line: Uint8Array;
  #filled = 0;
  #above: Uint8Array;

  /** @param use called with each line, which is valid during the call, and the row in its pass */
  constructor(header: PngHeader, use: (line: Uint8Array, pass: Pass, y: number) => void) {
    const bits = header.depth * header.color.channels;
    const { width, height } = header;
    this.#passes = header.interlaced ? adam7(header) : [{ x: 0, y: 0, dx: 1, dy: 1, width, height }];
    this.#lengths = this.#passes.map((pass) => 1 + Math.ceil((pass.width * bits) / 8));
    this.bytes = this.#passes.reduce((sum, pass, index) => sum + pass.height * this.#lengths[index]!, 0);
    this.#step = Math.max(1, bits >> 3);
    this.#use = use;
    this.#line = new Uint8Array(this.#lengths[0]!);
    this.#above = new Uint8Array(this.#lengths[0]!);
  }

  /** @throws {CorruptImage} a line has an unknown filter */
  add(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.isComplete) {
        this.hasMore = true;
        return;
      }
      const taken = bytes.subarray(at, at + this.#line.length - this.#filled);
      this.#line.set(taken, this.#filled);
      at += taken.length;
      this.#filled += taken.length;
      if (this.#filled === this.#line.length) this.#endLine();
    }
  }

  #endLine(): void {
    const pass = this.#passes[this.#pass]!;
    const line = this.#line.subarray(1);
    unfilter(this.#line[0]!, line, this.#above.subarray(1), this.#step);
    this.#use(line, pass, this.#y);
    [this.#line, this.#above] = [this.#above, this.#line];
    this.#filled = 0;
    if (++this.#y < pass.height) return;
    this.#y = 0;
    if (++this.#pass === this.#passes.length) this.isComplete = true;
    else {
      this.#line = new Uint8Array(this.#lengths[this.#pass]!);
      this.#above = new Uint8Array(this.#lengths[this.#pass]!);
    }
  }
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

/** One of the images of which an interlaced one consists. */
interface Pass extends Size {
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
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

function damaged(reason: string, options?: ErrorOptions): CorruptImage {
  return new CorruptImage('PNG', reason, options);
}
