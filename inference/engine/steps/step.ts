import type { Call } from '../kernels/runtime.ts';

/** Images in memory: `count` of them from index `from` on. */
export interface Images {
  readonly from: number;
  readonly count: number;
}

/** The kernel calls that compute an operation, or a part of it, for some images. */
export type Step = (images: Images) => readonly Call[];

/** The least result of a product that has no ReLU. */
export const LOWEST = Number.NEGATIVE_INFINITY;

/** @param make is given an image's index in memory, and its index among these images */
export function eachImage<Result>({ from, count }: Images, make: (image: number, index: number) => Result): Result[] {
  return each(count, (index) => make(from + index, index));
}

export function each<Result>(count: number, make: (index: number) => Result): Result[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
