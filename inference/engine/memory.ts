import { BLOCK } from './kernels.ts';

/** Images, or what became of them, in WebAssembly's memory: rows of pixels of channels, single precision. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Channels that there is room for; those that are too many are zero. */
  readonly room: number;
  /** Address of the first pixel of the first image, after what pads it. */
  readonly address: number;
  /** Bytes from a pixel, row or image to the next; 0 from an image to the next where all take turns in one place. */
  readonly pixel: number;
  readonly row: number;
  readonly image: number;
  /** All of an image, with its padding: where it begins, and how many bytes it has. */
  readonly start: number;
  readonly bytes: number;
}

/** Zeros around a picture, in pixels, as its reader needs them. */
export interface Margin {
  readonly top: number;
  readonly left: number;
  /** Rows and columns that must be readable, from the top left of the padding; at least what is there. */
  readonly rows: number;
  readonly columns: number;
}

export function noMargin({ height, width }: Pick<Picture, 'height' | 'width'>): Margin {
  return { top: 0, left: 0, rows: height, columns: width };
}

/** Hands out memory that starts as zeros; nothing is ever given back. */
export class Allocator {
  #end = 64; // 0 is no address.

  /** @returns an address that is a multiple of 64 */
  allocate(bytes: number): number {
    const address = this.#end;
    this.#end = Math.ceil((address + bytes) / 64) * 64;
    return address;
  }

  get bytes(): number {
    return this.#end;
  }
}

/** Room for so many images. */
export function allocatePictures(
  allocator: Allocator,
  images: number,
  { height, width, channels }: Pick<Picture, 'height' | 'width' | 'channels'>,
  { top, left, rows, columns }: Margin,
  room = wholeBlocks(channels),
): Picture {
  const pixel = 4 * room;
  const row = pixel * Math.max(columns, left + width);
  const bytes = row * Math.max(rows, top + height);
  const start = allocator.allocate(images * bytes);
  return {
    height,
    width,
    channels,
    room,
    address: start + top * row + left * pixel,
    pixel,
    row,
    image: images > 1 ? bytes : 0,
    start,
    bytes,
  };
}

export function wholeBlocks(channels: number): number {
  return Math.ceil(channels / BLOCK) * BLOCK;
}
