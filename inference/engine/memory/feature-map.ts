import { BLOCK } from '../kernels/product.ts';
import type { Extent, Shape } from '../model/operation.ts';

/**
 * Feature maps of one or more images in WebAssembly's memory, float32 `[images, height, width, channels]`, with a margin of
 * zeros around each. Sizes of memory are in bytes.
 */
export interface FeatureMap extends Shape {
  /** Channels that a pixel has in memory, at least `channels`; those above it are zero. */
  readonly paddedChannels: number;
  /** Address of the first image's first pixel, inside the margin. */
  readonly address: number;
  /** From a pixel, row or image to the next; 0 from image to image where all of them use the same memory in turn. */
  readonly pixel: number;
  readonly row: number;
  readonly image: number;
  /** Address of the first image's margin, and the size of an image with its margin. */
  readonly start: number;
  readonly bytes: number;
}

/** The zeros around a feature map, in pixels, that its readers need. */
export interface Margin {
  readonly top: number;
  readonly left: number;
  /** Rows and columns that must be readable, margin included, from its top left; at least those of the feature map. */
  readonly rows: number;
  readonly columns: number;
}

export function noMargin({ height, width }: Extent): Margin {
  return { top: 0, left: 0, rows: height, columns: width };
}

/** Allocates memory that starts as zeros and is never freed. */
export class Allocator {
  #end = 64; // Address 0 stays unused.

  /** @returns an address that is a multiple of 64 */
  allocate(bytes: number): number {
    const address = this.#end;
    this.#end = Math.ceil((address + bytes) / 64) * 64;
    return address;
  }

  /** How much memory has been allocated. */
  get bytes(): number {
    return this.#end;
  }
}

export function allocateFeatureMap(
  allocator: Allocator,
  images: number,
  { height, width, channels }: Shape,
  { top, left, rows, columns }: Margin,
  paddedChannels = wholeBlocks(channels),
): FeatureMap {
  const pixel = 4 * paddedChannels;
  const row = pixel * Math.max(columns, left + width);
  const bytes = row * Math.max(rows, top + height);
  const start = allocator.allocate(images * bytes);
  return {
    height,
    width,
    channels,
    paddedChannels,
    address: start + top * row + left * pixel,
    pixel,
    row,
    image: images > 1 ? bytes : 0,
    start,
    bytes,
  };
}

/** `channels`, rounded up to whole blocks. */
export function wholeBlocks(channels: number): number {
  return Math.ceil(channels / BLOCK) * BLOCK;
}
