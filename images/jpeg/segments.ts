import { DamagedJpeg } from './errors.ts';

/** Markers, the second byte after 0xFF. @see ITU T.81, table B.1 */
export const MARKER = {
  ...{ SOF0: 0xc0, SOF2: 0xc2, SOF3: 0xc3, SOF15: 0xcf, DHT: 0xc4, JPG: 0xc8, DAC: 0xcc, RST0: 0xd0, RST7: 0xd7 },
  ...{ SOI: 0xd8, EOI: 0xd9, SOS: 0xda, DQT: 0xdb, DNL: 0xdc, DRI: 0xdd, APP0: 0xe0, APP1: 0xe1, APP14: 0xee },
} as const;

export interface Segment {
  readonly marker: number;
  /** Without marker and length. */
  readonly body: Uint8Array;
}

/**
 * Reads a file's segments in order. Bytes between them that belong to none are skipped and counted.
 *
 * @see ITU T.81, B.1.1
 */
export class SegmentReader {
  /** Where the next segment begins. The decoder of a scan moves it to the end of the compressed pixels. */
  offset = 2; // after SOI
  /** Number of bytes that belong to no segment. */
  skipped = 0;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** @returns `undefined` at the end of the image; `isEnded` tells whether there is an end marker */
  next(): Segment | undefined {
    for (;;) {
      const marker = this.#nextMarker();
      if (marker === undefined || marker === MARKER.EOI) {
        this.isEnded = marker !== undefined;
        return undefined;
      }
      if (marker === MARKER.SOI) throw new DamagedJpeg('a second image begins within it');
      if (hasNoBody(marker)) continue;
      const { bytes, offset } = this;
      const length = (bytes[offset]! << 8) | bytes[offset + 1]!;
      if (!(length >= 2) || offset + length > bytes.length) throw new DamagedJpeg('it ends early');
      this.offset = offset + length;
      return { marker, body: bytes.subarray(offset + 2, offset + length) };
    }
  }

  isEnded = false;

  #nextMarker(): number | undefined {
    const { bytes } = this;
    for (;;) {
      const start = this.offset;
      let at = bytes.indexOf(0xff, start);
      if (at < 0) at = bytes.length;
      this.skipped += at - start;
      while (bytes[at] === 0xff) at++; // fill bytes
      this.offset = Math.min(at + 1, bytes.length);
      const marker = bytes[at];
      if (marker === undefined) return undefined;
      if (marker !== 0) return marker;
      this.skipped += 2; // a byte of compressed pixels
    }
  }
}

/** Restart markers, TEM, and the reserved ones, which can only be stray bytes. */
function hasNoBody(marker: number): boolean {
  return marker < MARKER.SOF0 || (marker >= MARKER.RST0 && marker <= MARKER.RST7);
}
