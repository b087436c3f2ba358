/** How many values a tensor of this shape has; 1 for a scalar, `[]`. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}
