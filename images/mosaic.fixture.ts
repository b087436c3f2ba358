/**
 * A JPEG file of one color for each block of 8x8 pixels, without loss: as large a photo as a test wants, in few bytes.
 *
 * @param colorOf the RGB color of the block in this column and row
 */
export function mosaicJpeg(
  width: number,
  height: number,
  colorOf: (column: number, row: number) => readonly number[],
): Uint8Array<ArrayBuffer> {
  const bits = new BitWriter();
  const previous = [0, 0, 0];
  for (let row = 0; row < Math.ceil(height / 8); row++) {
    for (let column = 0; column < Math.ceil(width / 8); column++) {
      const color = colorOf(column, row);
      for (let component = 0; component < 3; component++) {
        // With steps of 8, the first coefficient of a block of one value is the value.
        const value = color[component]! - 128;
        const difference = value - previous[component]!;
        previous[component] = value;
        const size = 32 - Math.clz32(Math.abs(difference));
        bits.add(size, 4); // the code of a size is the size
        bits.add(difference < 0 ? difference + (1 << size) - 1 : difference, size);
        bits.add(0, 1); // no other coefficients
      }
    }
  }
  const segment = (marker: number, ...body: number[]) => [
    0xff,
    marker,
    (body.length + 2) >> 8,
    (body.length + 2) & 255,
    ...body,
  ];
  return new Uint8Array(
    Buffer.concat([
      Buffer.from([
        ...[0xff, 0xd8, ...segment(0xee, ...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, 0)], // RGB
        ...segment(0xdb, 0, ...new Array<number>(64).fill(8)),
        ...segment(0xc0, 8, height >> 8, height & 255, width >> 8, width & 255, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0),
        ...segment(0xc4, 0x00, 0, 0, 0, 12, ...new Array<number>(12).fill(0), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
        ...segment(0xc4, 0x10, 1, ...new Array<number>(15).fill(0), 0),
        ...segment(0xda, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0),
      ]),
      bits.bytes(),
      Buffer.of(0xff, 0xd9),
    ]),
  );
}

class BitWriter {
  #bytes = Buffer.alloc(1 << 16);
  #length = 0;
  #buffer = 0;
  #count = 0;

  add(value: number, length: number): void {
    this.#buffer = (this.#buffer << length) | value;
    this.#count += length;
    for (; this.#count >= 8; this.#count -= 8) {
      const byte = (this.#buffer >>> (this.#count - 8)) & 255;
      if (this.#length + 2 > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#length)]);
      this.#bytes[this.#length++] = byte;
      if (byte === 0xff) this.#bytes[this.#length++] = 0;
    }
  }

  bytes(): Uint8Array {
    if (this.#count > 0) this.add((1 << (8 - this.#count)) - 1, 8 - this.#count);
    return this.#bytes.subarray(0, this.#length);
  }
}
