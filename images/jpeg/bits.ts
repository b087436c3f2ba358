import { DamagedJpeg } from './errors.ts';
import { type HuffmanTable, LOOKAHEAD } from './huffman.ts';
import { MARKER } from './segments.ts';

/**
 * Reads the bits of a scan's compressed pixels, up to the next marker. Beyond it all bits are 0, and `check` tells that some
 * were used.
 *
 * @see ITU T.81, F.2.2
 */
export class BitReader {
  /** The next byte to read. */
  offset: number;
  /** Number of whole bytes that nothing was read from. */
  skipped = 0;
  readonly #bytes: Uint8Array;
  /** The lowest `#count` bits are the next ones. */
  #buffer = 0;
  #count = 0;
  /** Of the bits in the buffer, how many lie beyond the marker; more than `#count` if some of those were used. */
  #beyond = 0;
  #isAtMarker = false;

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes;
    this.offset = offset;
  }

  /** The next symbol of a Huffman code. */
  symbol(table: HuffmanTable): number {
    if (this.#count < 16) this.#fill();
    const entry = table.short[(this.#buffer >>> (this.#count - LOOKAHEAD)) & ((1 << LOOKAHEAD) - 1)]!;
    if (entry !== 0) {
      this.#count -= entry >> 8;
      return entry & 255;
    }
    for (let length = LOOKAHEAD + 1; length <= 16; length++) {
      const code = (this.#buffer >>> (this.#count - length)) & ((1 << length) - 1);
      if (code > table.largest[length]!) continue;
      this.#count -= length;
      return table.symbols[code + table.offset[length]!]!;
    }
    this.check();
    if (this.#beyond > 0) throw endsEarly();
    throw new DamagedJpeg('its compressed pixels cannot be read');
  }

  /** The next bits as an unsigned number. @param length 0 to 16 */
  bits(length: number): number {
    if (this.#count < length) this.#fill();
    this.#count -= length;
    return (this.#buffer >>> this.#count) & ((1 << length) - 1);
  }

  /** The next bits as a difference or coefficient: half of all values are negative. @see ITU T.81, F.2.2.1 */
  signed(length: number): number {
    if (length === 0) return 0;
    const value = this.bits(length);
    return value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
  }

  /** @throws {DamagedJpeg} bits beyond the marker were used */
  check(): void {
    if (this.#beyond > this.#count) throw endsEarly();
  }

  /**
   * Passes the restart marker at which the decoder has arrived.
   *
   * @param index 0 to 7, the marker's number
   * @throws {DamagedJpeg} there is another marker, or none
   */
  restart(index: number): void {
    this.end();
    const bytes = this.#bytes;
    let at = this.offset;
    while (bytes[at] === 0xff) at++;
    if (at >= bytes.length) throw endsEarly();
    if (bytes[at] !== MARKER.RST0 + index) throw new DamagedJpeg('a part of its compressed pixels is missing');
    this.offset = at + 1;
    this.#isAtMarker = false;
  }

  /** Goes to the marker that ends the compressed pixels, or to the end of the file. */
  end(): void {
    this.check();
    this.skipped += (this.#count - this.#beyond) >> 3;
    this.#count = 0;
    this.#beyond = 0;
    const bytes = this.#bytes;
    let at = this.offset;
    // A zero byte after 0xFF is part of the compressed pixels, and any number of 0xFF may come before a marker.
    while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff)) at++;
    let used = at;
    while (used > this.offset && bytes[used - 1] === 0xff) used--;
    this.skipped += used - this.offset;
    this.offset = at;
  }

  #fill(): void {
    const bytes = this.#bytes;
    while (this.#count <= 24) {
      let byte = 0;
      if (!this.#isAtMarker) {
        byte = bytes[this.offset++] ?? -1;
        if (byte === 0xff) {
          let at = this.offset;
          while (bytes[at] === 0xff) at++;
          if (bytes[at] === 0) this.offset = at + 1;
          else byte = -1;
        }
        if (byte < 0) {
          this.#isAtMarker = true;
          this.offset--;
          byte = 0;
        }
      }
      if (this.#isAtMarker) this.#beyond += 8;
      this.#buffer = (this.#buffer << 8) | byte;
      this.#count += 8;
    }
  }
}

function endsEarly(): DamagedJpeg {
  return new DamagedJpeg('it ends early');
}
