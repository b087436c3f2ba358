import fc from 'fast-check';
import { expect, test } from 'vitest';
import { axisTransforms, kronecker, type Matrix } from './winograd-transforms.ts';

const times = (matrix: Matrix, vector: readonly number[]) =>
  matrix.map((row) => row.reduce((total, factor, at) => total + factor * vector[at]!, 0));

test('an axis slid over by way of the points is the axis slid over', () => {
  const numbers = (length: number) =>
    fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: length, maxLength: length });
  const cases = fc.record({
    padding: fc.constantFrom('same' as const, 'valid' as const),
    size: fc.integer({ min: 3, max: 40 }),
  });
  fc.assert(
    fc.property(
      cases.chain((each) => fc.record({ each: fc.constant(each), axis: numbers(each.size), kernel: numbers(3) })),
      ({ each: { padding, size }, axis, kernel }) => {
        const { points, tiles, images, taps, outputs } = axisTransforms(size, padding);
        const kernelAtPoints = times(taps, kernel);
        const products = times(images, axis).map((value, row) => value * kernelAtPoints[Math.floor(row / tiles)]!);
        const around = padding === 'same' ? [0] : [];
        const padded = [...around, ...axis, ...around];
        const expected = padded
          .slice(2)
          .map((_, at) => kernel.reduce((sum, tap, place) => sum + tap * padded[at + place]!, 0));
        expect(kernelAtPoints).toHaveLength(points);
        const got = times(outputs, products);
        expect(got).toHaveLength(expected.length);
        for (const [at, value] of got.entries()) expect(value).toBeCloseTo(expected[at]!, 10);
      },
    ),
  );
});

test.each([
  [3, 5, 1],
  [7, 9, 1],
  [11, 8, 2],
  [15, 10, 2],
])('an axis of %d pixels has %d points for each of %d tiles, the fewest products', (size, points, tiles) => {
  expect(axisTransforms(size, 'same')).toMatchObject({ points, tiles });
});

test('a Kronecker product has the second matrix for each entry of the first', () => {
  expect(kronecker([[1, 2]], [[3], [4]])).toEqual([
    [3, 6],
    [4, 8],
  ]);
});
