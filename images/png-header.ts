import { crc32 } from 'node:zlib';
import { CorruptImage, UnsupportedFeature } from './image-errors.ts';
import type { Size } from './rgb-image.ts';

export interface PngHeader extends Size {
  /** Bits per sample or palette index. */
  readonly depth: number;
  readonly color: Color;
  readonly interlaced: boolean;
}

/** @throws {CorruptImage} the header is missing or invalid */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  if (bytes.length < 33) throw damaged('it ends within its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(12) === CGBI) throw new UnsupportedFeature('PNG', "Apple's own format for apps (CgBI)");
  if (view.getUint32(8) !== 13 || view.getUint32(12) !== IHDR) throw damaged('its header is missing');
  if (crc32(bytes.subarray(12, 29)) !== view.getUint32(29)) throw damaged('the checksum of its header is wrong');

  const width = view.getUint32(16);
  const height = view.getUint32(20);
  if (width === 0 || height === 0 || width > 0x7fffffff || height > 0x7fffffff) {
    throw damaged(`its header says ${width}x${height}`);
  }
  const [depth, type, compression, filter, interlace] = bytes.subarray(24, 29) as unknown as number[];
  const color = COLORS[type!];
  if (!color?.depths.includes(depth!)) throw damaged(`it has colour type ${type} with ${depth} bits`);
  if (compression !== 0 || filter !== 0 || interlace! > 1)
    throw damaged('its compression, filter or interlace method is unknown');
  return { width, height, depth: depth!, color, interlaced: interlace === 1 };
}

interface Color {
  readonly kind: 'grey' | 'rgb' | 'palette' | 'grey-alpha' | 'rgb-alpha';
  readonly channels: number;
  readonly depths: readonly number[];
}

/** Colour types by number; 1 and 5 do not exist. */
const COLORS: Readonly<Record<number, Color>> = {
  0: { kind: 'grey', channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { kind: 'rgb', channels: 3, depths: [8, 16] },
  3: { kind: 'palette', channels: 1, depths: [1, 2, 4, 8] },
  4: { kind: 'grey-alpha', channels: 2, depths: [8, 16] },
  6: { kind: 'rgb-alpha', channels: 4, depths: [8, 16] },
};

const CGBI = 0x43674249;
const IHDR = 0x49484452;

function damaged(reason: string): CorruptImage {
  return new CorruptImage('PNG', reason);
}
