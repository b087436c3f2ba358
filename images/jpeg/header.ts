import { DamagedJpeg } from './errors.ts';
import { type Colors, type Frame, isFrame, readFrame, type Tables } from './frame.ts';
import { huffmanTable } from './huffman.ts';
import { MARKER, type Segment, SegmentReader } from './segments.ts';

/** Everything before the first scan. */
export interface JpegHeader {
  readonly frame: Frame;
  readonly colors: Colors;
  /** EXIF metadata, in TIFF format. */
  readonly exif: Uint8Array | undefined;
  readonly tables: Tables;
  /** The first scan's header, and the reader behind it. */
  readonly scan: Segment;
  readonly segments: SegmentReader;
}

/**
 * Reads everything before the compressed pixels.
 *
 * @throws {DamagedJpeg} a segment is invalid or missing
 * @throws {UnsupportedJpeg} lossless, hierarchical, arithmetic or 12-bit coding
 */
export function readHeader(bytes: Uint8Array): JpegHeader {
  const segments = new SegmentReader(bytes);
  const tables: Tables = { quantization: [], dc: [], ac: [], restartInterval: 0 };
  let frame: Frame | undefined;
  let exif: Uint8Array | undefined;
  let hasJfif = false;
  let adobe: number | undefined;
  for (let segment = segments.next(); segment; segment = segments.next()) {
    const { marker, body } = segment;
    if (isFrame(marker)) {
      if (frame) throw new DamagedJpeg('it has two frames');
      frame = readFrame(marker, body, () => linesBelow(bytes, segments.offset));
    } else if (marker === MARKER.APP0 && startsWith(body, 'JFIF\0') && body.length >= 14) hasJfif = true;
    else if (marker === MARKER.APP1 && startsWith(body, 'Exif\0')) exif = body.subarray(6);
    else if (marker === MARKER.APP14 && startsWith(body, 'Adobe') && body.length >= 12) adobe = body[11];
    else if (marker === MARKER.SOS) {
      if (!frame) throw new DamagedJpeg('its pixels come before its size');
      const colors = colorsOf(frame, hasJfif, adobe);
      return { frame, colors, exif, tables, scan: segment, segments };
    } else readTables(segment, tables);
  }
  throw new DamagedJpeg(frame ? 'it has no pixels' : 'it ends early');
}

/**
 * The meaning of the components, by libjpeg's rules: JFIF says YCbCr, whatever Adobe's marker says; without either, components
 * that are named R, G and B are those.
 */
function colorsOf({ components }: Frame, hasJfif: boolean, adobe: number | undefined): Colors {
  if (components.length === 1) return 'grey';
  if (components.length === 4) return adobe === undefined || adobe === 0 ? 'cmyk' : 'ycck';
  if (hasJfif) return 'ycc';
  if (adobe !== undefined) return adobe === 0 ? 'rgb' : 'ycc';
  return String.fromCharCode(...components.map(({ id }) => id)) === 'RGB' ? 'rgb' : 'ycc';
}

/** Reads a segment that defines tables or the restart interval; others are ignored. @throws {DamagedJpeg} */
export function readTables({ marker, body }: Segment, tables: Tables): void {
  if (marker === MARKER.DQT) readQuantization(body, tables);
  else if (marker === MARKER.DHT) readHuffman(body, tables);
  else if (marker === MARKER.DRI) {
    if (body.length < 2) throw new DamagedJpeg('its restart interval is invalid');
    tables.restartInterval = (body[0]! << 8) | body[1]!;
  }
}

function readQuantization(body: Uint8Array, tables: Tables): void {
  for (let at = 0; at < body.length; ) {
    const [isWide, id] = [body[at]! >> 4, body[at]! & 15];
    const size = isWide ? 128 : 64;
    const values = body.subarray(at + 1, at + 1 + size);
    if (id > 3 || isWide > 1 || values.length < size) throw new DamagedJpeg('a quantization table is invalid');
    tables.quantization[id] = Uint16Array.from({ length: 64 }, (_, index) =>
      isWide ? (values[index * 2]! << 8) | values[index * 2 + 1]! : values[index]!,
    );
    at += 1 + size;
  }
}

function readHuffman(body: Uint8Array, tables: Tables): void {
  for (let at = 0; at < body.length; ) {
    const [kind, id] = [body[at]! >> 4, body[at]! & 15];
    const lengths = body.subarray(at + 1, at + 17);
    const count = lengths.reduce((sum, value) => sum + value, 0);
    const symbols = body.slice(at + 17, at + 17 + count);
    if (kind > 1 || id > 3 || lengths.length < 16 || symbols.length < count) {
      throw new DamagedJpeg('a Huffman table is invalid');
    }
    (kind === 0 ? tables.dc : tables.ac)[id] = huffmanTable(lengths, symbols);
    at += 17 + count;
  }
}

/** The height in a DNL segment, which may follow the first scan. @see ITU T.81, B.2.5 */
function linesBelow(bytes: Uint8Array, from: number): number | undefined {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(
    Uint8Array.of(0xff, MARKER.DNL, 0, 4),
    from,
  );
  return at < 0 || at + 6 > bytes.length ? undefined : (bytes[at + 4]! << 8) | bytes[at + 5]!;
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return String.fromCharCode(...bytes.subarray(0, text.length)) === text;
}
