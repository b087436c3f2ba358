import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import decode, { init } from '@jsquash/webp/decode.js';
import { CorruptImage } from './image-errors.ts';
import type { ImageFile } from './image-file.ts';
import { readOrientation } from './orientation.ts';
import type { Size } from './rgb-image.ts';

const BINARY = 'webp_dec.wasm';

/**
 * Reads the container of a WebP file, so that size and orientation are known before libwebp decodes it: lossy and lossless, with
 * alpha; of an animation, the first frame, because libwebp alone does not decode animations.
 *
 * @throws {CorruptImage} it is invalid
 * @see https://developers.google.com/speed/webp/docs/riff_container
 */
export function openWebp(bytes: Uint8Array): ImageFile {
  const { canvas, frame, orientation, repaired } = readContainer(bytes);
  return {
    ...{ ...canvas, orientation, reductions: [1] },
    async decode(_, row) {
      const pixels = await decodeFrame(frame);
      const line = new Uint8Array(canvas.width * 3);
      for (let y = 0; y < canvas.height; y++) {
        line.fill(255); // white outside the frame
        if (y >= frame.top && y < frame.top + frame.height) {
          const from = (y - frame.top) * frame.width * 4;
          blendWithWhite(pixels.subarray(from, from + frame.width * 4), line.subarray(frame.left * 3));
        }
        row(line);
      }
      return repaired;
    },
  };
}

/** @returns `[height, width, 4]` RGBA */
async function decodeFrame(frame: Frame): Promise<Uint8ClampedArray> {
  await initLibwebp();
  let decoded: { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray };
  try {
    decoded = await decode(Uint8Array.from(frame.bytes).buffer);
  } catch (error) {
    throw new CorruptImage('WebP', 'its compressed pixels cannot be read', { cause: error });
  }
  if (decoded.width !== frame.width || decoded.height !== frame.height)
    throw damaged('its header and its pixels differ in size');
  return decoded.data;
}

function blendWithWhite(rgba: Uint8ClampedArray, rgb: Uint8Array): void {
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3]! / 255;
    for (let channel = 0; channel < 3; channel++) {
      rgb[to + channel] = Math.round(rgba[from + channel]! * alpha + 255 * (1 - alpha));
    }
  }
}

let initialized: Promise<void> | undefined;

/** Loads libwebp on first use: from beside the bundle, or else from its package. */
function initLibwebp(): Promise<void> {
  initialized ??= (async () => {
    const beside = join(dirname(fileURLToPath(import.meta.url)), BINARY);
    const path = existsSync(beside)
      ? beside
      : createRequire(import.meta.url).resolve(`@jsquash/webp/codec/dec/${BINARY}`);
    await init({ wasmBinary: readFileSync(path) });
  })();
  return initialized;
}

/** A still image, as a separate file, and its position on the canvas. */
interface Frame extends Size {
  readonly left: number;
  readonly top: number;
  readonly bytes: Buffer<ArrayBuffer>;
}

interface Container {
  /** The stored size, before the orientation is applied. */
  readonly canvas: Size;
  readonly frame: Frame;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
  readonly repaired: readonly string[];
}

function readContainer(bytes: Uint8Array): Container {
  const { parts, end } = chunksOf(bytes.subarray(12));
  const first = parts[0];
  if (!first) throw damaged('it has no pixels');
  let canvas: Size;
  let frame: Frame;
  if (first.name === 'VP8X') {
    if (first.body.length < 10) throw damaged('its header is too short');
    canvas = { width: uint24(first.body, 4) + 1, height: uint24(first.body, 7) + 1 };
    const animated = parts.find(({ name }) => name === 'ANMF');
    frame = animated ? animationFrame(animated.body) : stillFrame(parts);
  } else {
    frame = stillFrame(parts);
    canvas = { width: frame.width, height: frame.height };
  }
  if (frame.left + frame.width > canvas.width || frame.top + frame.height > canvas.height) {
    throw damaged('a frame lies outside the canvas');
  }
  const exif = parts.find(({ name }) => name === 'EXIF')?.body;
  // Some encoders put JPEG's marker before it.
  const hasMarker = exif !== undefined && exif.length > 6 && String.fromCharCode(...exif.subarray(0, 4)) === 'Exif';
  const orientation = (exif && readOrientation(hasMarker ? exif.subarray(6) : exif)) ?? 1;
  return { canvas, frame, orientation, repaired: repairsOf(bytes, 12 + end) };
}

/** @param end where the last whole chunk ends */
function repairsOf(bytes: Uint8Array, end: number): string[] {
  const left = bytes.length - end;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true) + 8;
  if (left > 0)
    return [`${left} ${left === 1 ? 'stray byte' : 'stray bytes'} at its end ${left === 1 ? 'was' : 'were'} ignored`];
  // A missing zero byte after the last chunk is common.
  return length > bytes.length + 1 || length < bytes.length ? ['the length in its header is wrong'] : [];
}

interface Chunk {
  readonly name: string;
  readonly body: Uint8Array;
  /** Includes the name and the size. */
  readonly whole: Uint8Array;
}

/** The complete chunks: an image with truncated metadata can still be decoded. */
function chunksOf(bytes: Uint8Array): { readonly parts: readonly Chunk[]; readonly end: number } {
  const parts: Chunk[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  while (offset + 8 <= bytes.length) {
    const size = view.getUint32(offset + 4, true);
    const end = offset + 8 + size;
    if (end > bytes.length) break;
    const name = String.fromCharCode(...bytes.subarray(offset, offset + 4));
    parts.push({ name, body: bytes.subarray(offset + 8, end), whole: bytes.subarray(offset, end + (size & 1)) });
    offset = Math.min(bytes.length, end + (size & 1));
  }
  return { parts, end: offset };
}

/** The size in the header of the compressed pixels. */
function bitstreamSize(parts: readonly Chunk[]): Size {
  const { name, body } = parts.find((part) => part.name === 'VP8 ' || part.name === 'VP8L') ?? {};
  if (!body) throw damaged('it has no pixels, or ends early');
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let size: Size;
  if (name === 'VP8L') {
    if (body.length < 5 || body[0] !== 0x2f) throw damaged('its pixels have no header');
    const bits = view.getUint32(1, true);
    size = { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  } else {
    if (body.length < 10 || uint24(body, 3) !== 0x2a019d) throw damaged('its pixels have no header');
    size = { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff };
  }
  if (size.width === 0 || size.height === 0) throw damaged(`its header says ${size.width}x${size.height}`);
  return size;
}

function animationFrame(body: Uint8Array): Frame {
  if (body.length < 16) throw damaged('its first frame is too short');
  const { parts } = chunksOf(body.subarray(16));
  const frame = stillFrame(parts);
  if (uint24(body, 6) + 1 !== frame.width || uint24(body, 9) + 1 !== frame.height)
    throw damaged('the size of a frame differs from its pixels');
  return { ...frame, left: 2 * uint24(body, 0), top: 2 * uint24(body, 3) };
}

function stillFrame(parts: readonly Chunk[]): Frame {
  const size = bitstreamSize(parts);
  return { ...size, left: 0, top: 0, bytes: stillFile(size, parts) };
}

/** Wraps the pixels of a frame as a file without anything else, whose lengths are right. */
function stillFile({ width, height }: Size, parts: readonly Chunk[]): Buffer<ArrayBuffer> {
  const alpha = parts.find(({ name }) => name === 'ALPH');
  const pixels = parts.find(({ name }) => name === 'VP8 ' || name === 'VP8L')!;
  const header = Buffer.alloc(18);
  header.write('VP8X', 'latin1');
  header.writeUInt32LE(10, 4);
  header.writeUInt8(0x10, 8); // has alpha
  header.writeUIntLE(width - 1, 12, 3);
  header.writeUIntLE(height - 1, 15, 3);
  const body = Buffer.concat([...(alpha ? [header, alpha.whole] : []), pixels.whole]);
  const riff = Buffer.alloc(12);
  riff.write('RIFF', 'latin1');
  riff.writeUInt32LE(4 + body.length, 4);
  riff.write('WEBP', 8, 'latin1');
  return Buffer.concat([riff, body]);
}

function uint24(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
}

function damaged(reason: string): CorruptImage {
  return new CorruptImage('WebP', reason);
}
