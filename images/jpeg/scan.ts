import { BitReader } from './bits.ts';
import { DamagedJpeg } from './errors.ts';
import type { Frame, Scan, Tables } from './frame.ts';
import { type HuffmanTable, standardTable } from './huffman.ts';

/** Decodes one block of a component. @param block its index in the component, row by row of its padded size */
export type BlockDecoder = (component: number, block: number) => void;

export interface ScanResult {
  /** Where the compressed pixels end. */
  readonly offset: number;
  /** Number of bytes among the compressed pixels that nothing was read from. */
  readonly skipped: number;
}

/**
 * Decodes the blocks of a scan in their order, with restarts.
 *
 * @param decoder makes the decoder of a block; its `restart` is called at the beginning and after each restart marker
 * @throws {DamagedJpeg} there are fewer blocks than the frame has, or bits that are no code
 */
export function decodeScan(
  bytes: Uint8Array,
  offset: number,
  frame: Frame,
  scan: Scan,
  { restartInterval }: Tables,
  decoder: (bits: BitReader) => { readonly decode: BlockDecoder; readonly restart: () => void },
): ScanResult {
  const bits = new BitReader(bytes, offset);
  const { decode, restart } = decoder(bits);
  let unit = 0;
  const beginUnit = () => {
    if (restartInterval > 0 && unit > 0 && unit % restartInterval === 0) {
      bits.restart((unit / restartInterval - 1) & 7);
      restart();
    }
    unit++;
  };
  restart();
  const [single] = scan.components;
  if (scan.components.length === 1) {
    // A component alone is coded without the padding that it needs beside others.
    const { blocksAcross, blocksDown, paddedAcross } = frame.components[single!.index]!;
    for (let y = 0; y < blocksDown; y++) {
      for (let x = 0; x < blocksAcross; x++) {
        beginUnit();
        decode(0, y * paddedAcross + x);
      }
      bits.check();
    }
  } else {
    const components = scan.components.map(({ index }) => frame.components[index]!);
    const unitsAcross = components[0]!.paddedAcross / components[0]!.across;
    const unitsDown = components[0]!.paddedDown / components[0]!.down;
    for (let y = 0; y < unitsDown; y++) {
      for (let x = 0; x < unitsAcross; x++) {
        beginUnit();
        for (let each = 0; each < components.length; each++) {
          const { across, down, paddedAcross } = components[each]!;
          for (let row = y * down; row < (y + 1) * down; row++) {
            for (let column = x * across; column < (x + 1) * across; column++) {
              decode(each, row * paddedAcross + column);
            }
          }
        }
      }
      bits.check();
    }
  }
  bits.end();
  return { offset: bits.offset, skipped: bits.skipped };
}

/** The scan's Huffman tables; where the file has none, the standard ones. */
export class ScanTables {
  usesStandard = false;
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  get(kind: 'dc' | 'ac', id: number): HuffmanTable {
    const own = this.#tables[kind][id];
    if (own) return own;
    const standard = standardTable(kind, id);
    if (!standard) throw new DamagedJpeg('a Huffman table is missing');
    this.usesStandard = true;
    this.#tables[kind][id] = standard;
    return standard;
  }
}

/** The position, row by row, of each coefficient in zigzag order. */
export const ZIGZAG = Uint8Array.of(
  ...[0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21],
  ...[
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
  ],
  ...[47, 55, 62, 63],
);

/**
 * Decodes blocks of sequential coding.
 *
 * @param use called with the dequantized coefficients, row by row, and whether any but the first may differ from zero; the block is
 *   cleared afterwards
 * @see ITU T.81, F.2.2
 */
export function sequentialDecoder(
  scan: Scan,
  tables: ScanTables,
  quantization: readonly Uint16Array[],
  use: (component: number, block: number, coefficients: Int32Array, isFlat: boolean) => void,
): (bits: BitReader) => { decode: BlockDecoder; restart: () => void } {
  const dc = scan.components.map((component) => tables.get('dc', component.dc));
  const ac = scan.components.map((component) => tables.get('ac', component.ac));
  const previous = new Int32Array(scan.components.length);
  const coefficients = new Int32Array(64);
  return (bits) => ({
    restart: () => previous.fill(0),
    decode(component, block) {
      const steps = quantization[component]!;
      previous[component]! += bits.signed(checkSize(bits.symbol(dc[component]!)));
      coefficients[0] = Math.imul(previous[component]!, steps[0]!);
      const table = ac[component]!;
      let isFlat = true;
      for (let index = 1; index < 64; index++) {
        const symbol = bits.symbol(table);
        const size = symbol & 15;
        if (size === 0) {
          if (symbol !== 0xf0) break;
          index += 15;
          continue;
        }
        index += symbol >> 4;
        const value = bits.signed(size);
        if (index > 63) throw new DamagedJpeg('its compressed pixels cannot be read');
        coefficients[ZIGZAG[index]!] = Math.imul(value, steps[index]!);
        isFlat = false;
      }
      use(component, block, coefficients, isFlat);
      if (!isFlat) coefficients.fill(0);
    },
  });
}

/** Sizes of differences over 15 bits exist in 12-bit coding only. */
function checkSize(size: number): number {
  if (size > 15) throw new DamagedJpeg('its compressed pixels cannot be read');
  return size;
}

/** The coefficients of a component of a progressive image. */
export interface Coefficients {
  /** `[blocks, 64]`, row by row */
  readonly values: Int16Array;
  /** By block: the last coefficient that is not zero, in zigzag order. Most blocks have few, so that most need not be visited. */
  readonly reach: Uint8Array;
}

/**
 * Decodes blocks of progressive coding: each scan sends some coefficients, or one more bit of them.
 *
 * @param coefficients of each component of the scan
 * @see ITU T.81, G.2
 */
export function progressiveDecoder(
  scan: Scan,
  tables: ScanTables,
  coefficients: readonly Coefficients[],
): (bits: BitReader) => { decode: BlockDecoder; restart: () => void } {
  const { first, last, high, low } = scan;
  if (first === 0) {
    if (high > 0) {
      return (bits) => ({
        restart() {},
        decode(component, block) {
          coefficients[component]!.values[block * 64]! |= bits.bits(1) << low;
        },
      });
    }
    const dc = scan.components.map((component) => tables.get('dc', component.dc));
    const previous = new Int32Array(scan.components.length);
    return (bits) => ({
      restart: () => previous.fill(0),
      decode(component, block) {
        previous[component]! += bits.signed(checkSize(bits.symbol(dc[component]!)));
        coefficients[component]!.values[block * 64] = previous[component]! << low;
      },
    });
  }
  const table = tables.get('ac', scan.components[0]!.ac);
  const { values, reach } = coefficients[0]!;
  const readFirst = (bits: BitReader) => {
    let emptyBlocks = 0;
    return {
      restart() {
        emptyBlocks = 0;
      },
      decode(_: number, block: number) {
        if (emptyBlocks > 0) {
          emptyBlocks--;
          return;
        }
        for (let index = first; index <= last; index++) {
          const symbol = bits.symbol(table);
          const [run, size] = [symbol >> 4, symbol & 15];
          if (size === 0) {
            if (run < 15) {
              emptyBlocks = (1 << run) - 1 + bits.bits(run);
              return;
            }
            index += 15;
            continue;
          }
          index += run;
          const value = bits.signed(size);
          if (index > 63) throw new DamagedJpeg('its compressed pixels cannot be read');
          values[block * 64 + ZIGZAG[index]!] = value << low;
          if (index > reach[block]!) reach[block] = index;
        }
      },
    };
  };
  return high === 0 ? readFirst : (bits) => refiner(bits, table, scan, coefficients[0]!);
}

/** Adds a bit to each coefficient that is not zero, and sends those that become one. @see ITU T.81, G.1.2.3 */
function refiner(
  bits: BitReader,
  table: HuffmanTable,
  { first, last, low }: Scan,
  { values, reach }: Coefficients,
): { decode: BlockDecoder; restart: () => void } {
  const bit = 1 << low;
  let emptyBlocks = 0;
  const refine = (at: number) => {
    if (bits.bits(1) === 1 && (values[at]! & bit) === 0) values[at]! += values[at]! > 0 ? bit : -bit;
  };
  return {
    restart() {
      emptyBlocks = 0;
    },
    decode(_, block) {
      let index = first;
      if (emptyBlocks === 0) {
        for (; index <= last; index++) {
          const symbol = bits.symbol(table);
          let run = symbol >> 4;
          let value = 0;
          if ((symbol & 15) !== 0) value = bits.bits(1) === 1 ? bit : -bit;
          else if (run < 15) {
            emptyBlocks = (1 << run) + bits.bits(run);
            break;
          }
          // Passes `run` zeros, and refines what lies between them.
          for (; index <= last; index++) {
            const at = block * 64 + ZIGZAG[index]!;
            if (values[at] !== 0) refine(at);
            else if (run === 0) {
              values[at] = value;
              if (value !== 0 && index > reach[block]!) reach[block] = index;
              break;
            } else run--;
          }
        }
      }
      if (emptyBlocks === 0) return;
      emptyBlocks--;
      for (const end = Math.min(last, reach[block]!); index <= end; index++) {
        const at = block * 64 + ZIGZAG[index]!;
        if (values[at] !== 0) refine(at);
      }
    },
  };
}
