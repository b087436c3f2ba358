import { DamagedJpeg, UnsupportedJpeg } from './errors.ts';
import { type Component, type Frame, isFrame, readScan, type Scan } from './frame.ts';
import { type JpegHeader, readTables } from './header.ts';
import { type BlockSize, fillBlock, type InverseDct, inverseDct, type Side } from './inverse-dct.ts';
import { type Plane, type RowReader, readRows } from './rows.ts';
import {
  type Coefficients,
  decodeScan,
  progressiveDecoder,
  type ScanResult,
  ScanTables,
  sequentialDecoder,
  ZIGZAG,
} from './scan.ts';
import { MARKER, type Segment } from './segments.ts';

/** A file can have any number of scans, each over all blocks. Encoders write fewer than this. */
const MAX_SCANS = 64;

/**
 * Decodes baseline, extended sequential and progressive images of 8 bits per sample, with Huffman coding.
 *
 * @param reduction 1, 2, 4 or 8: a pixel of the result is the mean of so many pixels across and down
 * @param row receives rows of `ceil(width / reduction)` pixels
 * @returns what was wrong with the file but did not affect the pixels
 * @throws {DamagedJpeg} a part of the picture is missing or cannot be read
 * @throws {UnsupportedJpeg} it has more scans than encoders write
 * @see ITU T.81
 */
export function decodeJpegRows(header: JpegHeader, reduction: Side, row: RowReader): readonly string[] {
  const { frame, tables, segments, colors } = header;
  const components = frame.components.map((component) => new ComponentPixels(component, frame, reduction));
  const huffman = new ScanTables(tables);
  let strayBytes = 0;
  let scans = 0;
  for (let segment: Segment | undefined = header.scan; segment; segment = segments.next()) {
    if (isFrame(segment.marker)) throw new DamagedJpeg('it has two frames');
    if (segment.marker !== MARKER.SOS) {
      readTables(segment, tables);
      continue;
    }
    if (++scans > MAX_SCANS) throw new UnsupportedJpeg(`more than ${MAX_SCANS} scans`);
    const scan = readScan(segment.body, frame);
    const scanned = scan.components.map(({ index }) => components[index]!);
    for (const each of scanned) each.begin(scan, tables.quantization);
    const decoder = frame.isProgressive
      ? progressiveDecoder(
          scan,
          huffman,
          scanned.map((each) => each.coefficients),
        )
      : sequentialDecoder(
          scan,
          huffman,
          scanned.map((each) => each.quantization),
          (component, block, coefficients, isFlat) => scanned[component]!.write(block, coefficients, isFlat),
        );
    const result: ScanResult = decodeScan(segments.bytes, segments.offset, frame, scan, tables, decoder);
    segments.offset = result.offset;
    strayBytes += result.skipped;
  }
  const isComplete = components.every((component) => component.isComplete);
  // A progressive image may leave out coefficients, if it says that it ends.
  const isWhole = isComplete || (segments.isEnded && components.every((component) => component.isBegun));
  if (!isWhole) throw new DamagedJpeg('it ends early');

  const [width, height] = [Math.ceil(frame.width / reduction), Math.ceil(frame.height / reduction)];
  readRows(
    components.map((component) => component.plane()),
    ...([width, height, colors, row] as const),
  );
  strayBytes += segments.skipped;
  return [
    ...(huffman.usesStandard ? ['the standard Huffman tables were used where it has none'] : []),
    ...(strayBytes > 0 ? [`${strayBytes} stray ${strayBytes === 1 ? 'byte was' : 'bytes were'} skipped`] : []),
    ...(segments.isEnded ? [] : ['its end marker is missing']),
  ];
}

/** A component's coefficients or samples, as far as they are decoded. */
class ComponentPixels {
  /** In zigzag order, as it was at the component's first scan. */
  quantization: Uint16Array = new Uint16Array(64);
  /** Whether there was a scan of it. */
  isBegun = false;
  /** Of progressive images. */
  readonly coefficients: Coefficients;
  readonly #component: Component;
  readonly #size: BlockSize;
  readonly #transform: InverseDct;
  readonly #samples: Uint8Array;
  readonly #stride: number;
  readonly #plane: Omit<Plane, 'samples' | 'stride'>;
  /** By coefficient: how many of its lowest bits are not yet known. */
  readonly #missingBits = new Uint8Array(64).fill(16);

  constructor(component: Component, frame: Frame, reduction: Side) {
    this.#component = component;
    const across = side(component.across, frame.across, reduction);
    const down = side(component.down, frame.down, reduction);
    this.#size = { across, down };
    this.#transform = inverseDct(this.#size);
    const blocks = component.paddedAcross * component.paddedDown;
    this.#stride = component.paddedAcross * across;
    this.#samples = new Uint8Array(blocks * across * down);
    const kept = frame.isProgressive ? blocks : 0;
    this.coefficients = { values: new Int16Array(kept * 64), reach: new Uint8Array(kept) };
    this.#plane = {
      width: Math.ceil((frame.width * component.across * across) / (frame.across * 8)),
      height: Math.ceil((frame.height * component.down * down) / (frame.down * 8)),
      across: (frame.across * 8) / (component.across * across * reduction),
      down: (frame.down * 8) / (component.down * down * reduction),
    };
  }

  begin({ first, last, low }: Scan, quantization: readonly (Uint16Array | undefined)[]): void {
    const steps = quantization[this.#component.quantization];
    if (!steps) throw new DamagedJpeg('a quantization table is missing');
    if (!this.isBegun) this.quantization = steps;
    this.isBegun = true;
    this.#missingBits.fill(low, first, last + 1);
  }

  get isComplete(): boolean {
    return this.#missingBits.every((bits) => bits === 0);
  }

  /** Writes a block's samples. @param coefficients dequantized, row by row */
  write(block: number, coefficients: Int32Array, isFlat: boolean): void {
    const { paddedAcross } = this.#component;
    const y = Math.floor(block / paddedAcross);
    const at = y * this.#size.down * this.#stride + (block - y * paddedAcross) * this.#size.across;
    if (isFlat) fillBlock(coefficients[0]!, this.#size, this.#samples, at, this.#stride);
    else this.#transform(coefficients, this.#samples, at, this.#stride);
  }

  plane(): Plane {
    if (this.coefficients.values.length > 0) this.#writeAll();
    return { ...this.#plane, samples: this.#samples, stride: this.#stride };
  }

  #writeAll(): void {
    const { blocksAcross, blocksDown, paddedAcross } = this.#component;
    const steps = new Int32Array(64);
    for (let index = 0; index < 64; index++) steps[ZIGZAG[index]!] = this.quantization[index]!;
    const { values, reach } = this.coefficients;
    const dequantized = new Int32Array(64);
    for (let y = 0; y < blocksDown; y++) {
      for (let x = 0; x < blocksAcross; x++) {
        const block = y * paddedAcross + x;
        const isFlat = reach[block] === 0;
        const count = isFlat ? 1 : 64;
        for (let index = 0; index < count; index++) {
          dequantized[index] = Math.imul(values[block * 64 + index]!, steps[index]!);
        }
        this.write(block, dequantized, isFlat);
      }
    }
  }
}

/** A component of lower resolution than others is reduced by less, down to the size of the result. */
function side(factor: number, largest: number, reduction: Side): Side {
  let samples = 8 / reduction;
  while (samples < 8 && (largest * 8) % (factor * samples * 2 * reduction) === 0) samples *= 2;
  return samples as Side;
}
