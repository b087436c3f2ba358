import { DamagedJpeg, UnsupportedJpeg } from './errors.ts';
import type { HuffmanTable } from './huffman.ts';
import { MARKER } from './segments.ts';

/** What the components are. `cmyk` and `ycck` are stored inverted, as Adobe's programs do. */
export type Colors = 'grey' | 'ycc' | 'rgb' | 'cmyk' | 'ycck';

export interface Component {
  readonly id: number;
  /** Sampling factors. */
  readonly across: number;
  readonly down: number;
  readonly quantization: number;
  /** Blocks that the component needs. */
  readonly blocksAcross: number;
  readonly blocksDown: number;
  /** Blocks that it has where it is coded together with others. */
  readonly paddedAcross: number;
  readonly paddedDown: number;
}

/** The frame header. @see ITU T.81, B.2.2 */
export interface Frame {
  readonly isProgressive: boolean;
  readonly width: number;
  readonly height: number;
  readonly components: readonly Component[];
  /** Largest sampling factors. */
  readonly across: number;
  readonly down: number;
}

/** SOF0 to SOF15, except for DHT, JPG and DAC, whose codes lie among them. */
export function isFrame(marker: number): boolean {
  const { SOF0, SOF15, DHT, JPG, DAC } = MARKER;
  return marker >= SOF0 && marker <= SOF15 && marker !== DHT && marker !== JPG && marker !== DAC;
}

/**
 * @param linesBelow the height according to a DNL segment, for a frame header without one
 * @throws {DamagedJpeg | UnsupportedJpeg}
 */
export function readFrame(marker: number, body: Uint8Array, linesBelow: () => number | undefined): Frame {
  if (marker > MARKER.SOF2) {
    const coding = marker > MARKER.JPG ? 'arithmetic' : marker === MARKER.SOF3 ? 'lossless' : 'hierarchical';
    throw new UnsupportedJpeg(`${coding} coding`);
  }
  if (body.length < 6) throw new DamagedJpeg('its frame header is too short');
  const precision = body[0]!;
  const width = (body[3]! << 8) | body[4]!;
  const height = (body[1]! << 8) | body[2]! || (linesBelow() ?? 0);
  const count = body[5]!;
  if (precision !== 8) throw new UnsupportedJpeg(`${precision} bits per sample`);
  if (width === 0 || height === 0) throw new DamagedJpeg(`its header says ${width}x${height}`);
  if (count !== 1 && count !== 3 && count !== 4) throw new DamagedJpeg(`it has ${count} components`);
  if (body.length < 6 + count * 3) throw new DamagedJpeg('its frame header is too short');

  const factors = Array.from({ length: count }, (_, index) => {
    const [id, sampling, quantization] = body.subarray(6 + index * 3) as unknown as [number, number, number];
    const [across, down] = [sampling >> 4, sampling & 15];
    if (across < 1 || across > 4 || down < 1 || down > 4) throw new DamagedJpeg('its sampling factors are invalid');
    return { id, across, down, quantization };
  });
  const across = Math.max(...factors.map((component) => component.across));
  const down = Math.max(...factors.map((component) => component.down));
  const unitsAcross = Math.ceil(width / (8 * across));
  const unitsDown = Math.ceil(height / (8 * down));
  const components = factors.map((component) => ({
    ...component,
    blocksAcross: Math.ceil((width * component.across) / (8 * across)),
    blocksDown: Math.ceil((height * component.down) / (8 * down)),
    paddedAcross: unitsAcross * component.across,
    paddedDown: unitsDown * component.down,
  }));
  return { isProgressive: marker === MARKER.SOF2, width, height, components, across, down };
}

/** The tables that are valid at a place in the file. */
export interface Tables {
  /** In zigzag order. */
  readonly quantization: (Uint16Array | undefined)[];
  readonly dc: (HuffmanTable | undefined)[];
  readonly ac: (HuffmanTable | undefined)[];
  restartInterval: number;
}

/** The scan header. @see ITU T.81, B.2.3 */
export interface Scan {
  readonly components: readonly { readonly index: number; readonly dc: number; readonly ac: number }[];
  /** First and last coefficient, in zigzag order. */
  readonly first: number;
  readonly last: number;
  /** Bits of the coefficients that were sent before, or 0; and bits that this scan leaves out. */
  readonly high: number;
  readonly low: number;
}

/** @throws {DamagedJpeg} it does not fit the frame */
export function readScan(body: Uint8Array, frame: Frame): Scan {
  const count = body[0] ?? 0;
  if (count < 1 || count > 4 || body.length < 4 + count * 2) throw new DamagedJpeg('a scan header is invalid');
  const components = Array.from({ length: count }, (_, each) => {
    const id = body[1 + each * 2]!;
    const selectors = body[2 + each * 2]!;
    const index = frame.components.findIndex((component) => component.id === id);
    if (index < 0) throw new DamagedJpeg('a scan is of a component that is not in the frame');
    return { index, dc: selectors >> 4, ac: selectors & 15 };
  });
  if (new Set(components.map(({ index }) => index)).size < count) throw new DamagedJpeg('a scan header is invalid');
  const [first, last, bits] = body.subarray(1 + count * 2) as unknown as [number, number, number];
  if (!frame.isProgressive) return { components, first: 0, last: 63, high: 0, low: 0 };
  const [high, low] = [bits >> 4, bits & 15];
  const isValid =
    (first === 0 ? last === 0 : first <= last && last < 64 && count === 1) &&
    (high === 0 || high === low + 1) &&
    low <= 13;
  if (!isValid) throw new DamagedJpeg('a scan header is invalid');
  return { components, first, last, high, low };
}
