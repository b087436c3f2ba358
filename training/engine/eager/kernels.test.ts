import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { sizeOf } from '#models/size-of.ts';
import { random } from '../../random/random.ts';
import { onWasm, startWasm } from './wasm.ts';

beforeAll(async () => {
  await startWasm();
});

const window = fc.record({
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
  size: fc.integer({ min: 1, max: 4 }),
  stride: fc.integer({ min: 1, max: 3 }),
  padding: fc.constantFrom('same' as const, 'valid' as const),
  seed: fc.nat(),
});
type Window = typeof window extends fc.Arbitrary<infer T> ? T : never;
const fits = ({ height, width, size, stride, padding }: Window) =>
  (size === 1 || stride <= size) && (padding === 'same' || (size <= height && size <= width));

test('the gradients of a convolution are those of its sum', () => {
  fc.assert(
    fc.property(window.filter(fits), ({ height, width, size, stride, padding, seed }) => {
      const [batch, channels, filters] = [2, 3, 5];
      const values = normals(seed);
      const x = values([batch, height, width, channels]);
      const kernel = values([size, size, channels, filters]);
      const rows = slide(height, size, stride, padding);
      const columns = slide(width, size, stride, padding);
      const dy = values([batch, rows.count, columns.count, filters]);
      const dx = new Float64Array(x.length);
      const dKernel = new Float64Array(kernel.length);
      const y = new Float64Array(dy.length);
      let at = 0;
      for (let image = 0; image < batch; image++) {
        for (let row = 0; row < rows.count; row++) {
          for (let column = 0; column < columns.count; column++) {
            for (let filter = 0; filter < filters; filter++, at++) {
              for (let down = 0; down < size; down++) {
                for (let across = 0; across < size; across++) {
                  const [r, c] = [row * stride + down - rows.before, column * stride + across - columns.before];
                  if (r < 0 || r >= height || c < 0 || c >= width) continue;
                  for (let channel = 0; channel < channels; channel++) {
                    const input = ((image * height + r) * width + c) * channels + channel;
                    const weight = ((down * size + across) * channels + channel) * filters + filter;
                    y[at]! += x[input]! * kernel[weight]!;
                    dx[input]! += dy[at]! * kernel[weight]!;
                    dKernel[weight]! += dy[at]! * x[input]!;
                  }
                }
              }
            }
          }
        }
      }
      onWasm(() =>
        tf.tidy(() => {
          const images = tf.tensor4d(x, [batch, height, width, channels]);
          const weights = tf.tensor4d(kernel, [size, size, channels, filters]);
          const { value, grads } = tf.valueAndGrads((a, b) =>
            tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, padding),
          )([images, weights], tf.tensor4d(dy, [batch, rows.count, columns.count, filters]));
          expectClose(value, y);
          expectClose(grads[0]!, dx);
          expectClose(grads[1]!, dKernel);
        }),
      );
    }),
    { numRuns: 60 },
  );
});

const pooling = window.filter(
  ({ height, width, size, padding }) => padding === 'same' || size <= Math.min(height, width),
);

test('the gradient of max-pooling goes to the first of the largest values', () => {
  fc.assert(
    fc.property(pooling, (drawn) => {
      const draw = random(drawn.seed);
      // Few different values, so that windows are full of equals.
      const x = Float32Array.from({ length: 2 * drawn.height * drawn.width * 3 }, () => draw.integer(3) - 1);
      expectPooling(drawn, x, tf.maxPool, (inside) => {
        const largest = inside.reduce((best, at) => (x[at]! > x[best]! ? at : best));
        return inside.map((at) => (at === largest ? 1 : 0));
      });
    }),
    { numRuns: 60 },
  );
});

test('average pooling and its gradient count the values inside the feature map', () => {
  fc.assert(
    fc.property(pooling, (drawn) => {
      const x = normals(drawn.seed)([2, drawn.height, drawn.width, 3]);
      expectPooling(drawn, x, tf.avgPool, (inside) => inside.map(() => 1 / inside.length));
    }),
    { numRuns: 60 },
  );
});

/**
 * Compares a pooling of `[2, height, width, 3]` and its gradient with plain loops.
 *
 * @param shares the weight of each value of a window, given the indices of those inside the feature map, from the top left
 */
function expectPooling(
  { height, width, size, stride, padding, seed }: Window,
  x: Float32Array,
  pool: typeof tf.maxPool,
  shares: (inside: readonly number[]) => readonly number[],
) {
  const [batch, channels] = [2, 3];
  const rows = slide(height, size, stride, padding);
  const columns = slide(width, size, stride, padding);
  const shape = [batch, rows.count, columns.count, channels] as const;
  const dy = normals(seed + 1)(shape);
  const y = new Float64Array(dy.length);
  const dx = new Float64Array(x.length);
  for (let at = 0; at < dy.length; at++) {
    const channel = at % channels;
    const column = Math.floor(at / channels) % columns.count;
    const row = Math.floor(at / (channels * columns.count)) % rows.count;
    const image = Math.floor(at / (channels * columns.count * rows.count));
    const inside = Array.from({ length: size * size }, (_, place) => [
      row * stride - rows.before + Math.floor(place / size),
      column * stride - columns.before + (place % size),
    ]).flatMap(([r = 0, c = 0]) =>
      r < 0 || r >= height || c < 0 || c >= width ? [] : [((image * height + r) * width + c) * channels + channel],
    );
    for (const [index, share] of shares(inside).entries()) {
      y[at]! += share * x[inside[index]!]!;
      dx[inside[index]!]! += share * dy[at]!;
    }
  }
  onWasm(() =>
    tf.tidy(() => {
      const images = tf.tensor4d(x, [batch, height, width, channels]);
      const { value, grads } = tf.valueAndGrads((a) => pool(a as tf.Tensor4D, size, stride, padding))(
        [images],
        tf.tensor4d(dy, [...shape]),
      );
      expectClose(value, y);
      expectClose(grads[0]!, dx);
    }),
  );
}

test('the kernels leave no tensor behind', () => {
  onWasm(() => {
    const before = { tensors: tf.memory().numTensors, buffers: tf.memory().numDataBuffers };
    tf.tidy(() => {
      const x = tf.ones<tf.Rank.R4>([2, 6, 6, 3]);
      const kernel = tf.ones<tf.Rank.R4>([3, 3, 3, 4]);
      tf.grads((a, b) => {
        const convolved = tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same');
        return tf.avgPool(tf.maxPool(convolved, 2, 2, 'valid'), 2, 1, 'valid');
      })([x, kernel]);
    });
    expect({ tensors: tf.memory().numTensors, buffers: tf.memory().numDataBuffers }).toEqual(before);
  });
});

/** How TensorFlow slides a window along a side. */
function slide(length: number, size: number, stride: number, padding: 'same' | 'valid') {
  if (padding === 'valid') return { count: Math.floor((length - size) / stride) + 1, before: 0 };
  const count = Math.ceil(length / stride);
  return { count, before: Math.floor(Math.max(0, (count - 1) * stride + size - length) / 2) };
}

function normals(seed: number) {
  const draw = random(seed);
  return (shape: readonly number[]) => Float32Array.from({ length: sizeOf(shape) }, () => draw.normal());
}

function expectClose(tensor: tf.Tensor, expected: Float64Array) {
  const found = tensor.dataSync();
  expect(found.length).toBe(expected.length);
  const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(found[at]! - value)), 0);
  expect(worst).toBeLessThan(2e-5);
}
