import { DamagedJpeg } from './errors.ts';

/** Bits that the first table of a code covers. Nearly all symbols of real images have codes of at most this length. */
export const LOOKAHEAD = 9;

/** A Huffman code, prepared for decoding. */
export interface HuffmanTable {
  /** By the next nine bits: `length << 8 | symbol`; 0 if the code is longer. */
  readonly short: Uint16Array;
  /** By length, 1 to 16: the largest code, or -1 if there is none. */
  readonly largest: Int32Array;
  /** By length: what to add to a code to get the index of its symbol. */
  readonly offset: Int32Array;
  readonly symbols: Uint8Array;
}

/**
 * @param lengths number of codes of each length, 1 to 16
 * @param symbols in the order of their codes
 * @throws {DamagedJpeg} there are more codes than a length has room for
 * @see ITU T.81, C.2 and F.2.2.3
 */
export function huffmanTable(lengths: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const short = new Uint16Array(1 << LOOKAHEAD);
  const largest = new Int32Array(17).fill(-1);
  const offset = new Int32Array(17);
  let code = 0;
  let index = 0;
  for (let length = 1; length <= 16; length++) {
    const count = lengths[length - 1]!;
    if (code + count > 1 << length) throw new DamagedJpeg('a Huffman table has too many codes');
    offset[length] = index - code;
    for (let each = 0; each < count; each++, code++, index++) {
      if (length > LOOKAHEAD) continue;
      const first = code << (LOOKAHEAD - length);
      short.fill((length << 8) | symbols[index]!, first, first + (1 << (LOOKAHEAD - length)));
    }
    if (count > 0) largest[length] = code - 1;
    code <<= 1;
  }
  return { short, largest, offset, symbols };
}

/** Tables K.3 to K.6 of the standard. Motion JPEG leaves them out of its frames. */
export function standardTable(kind: 'dc' | 'ac', id: number): HuffmanTable | undefined {
  const text = STANDARD[kind][id];
  if (!text) return undefined;
  const [lengths, symbols] = text.map((part) => new Uint8Array(Buffer.from(part, 'hex')));
  return huffmanTable(lengths!, symbols!);
}

/** First luminance, then chrominance: the lengths and the symbols. */
const STANDARD = {
  dc: [
    ['00010501010101010100000000000000', '000102030405060708090a0b'],
    ['00030101010101010101010000000000', '000102030405060708090a0b'],
  ],
  ac: [
    [
      '0002010303020403050504040000017d',
      '01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a' +
        '434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8' +
        'a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa',
    ],
    [
      '00020102040403040705040400010277',
      '000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a3536373839' +
        '3a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6' +
        'a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa',
    ],
  ],
} as const;
