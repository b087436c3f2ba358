import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import {
  backend_util,
  conv2d,
  getKernel,
  type KernelConfig,
  type KernelFunc,
  registerKernel,
  reverse,
  slice,
  type Tensor4D,
  tidy,
  transpose,
  unregisterKernel,
} from '@tensorflow/tfjs-core';

interface Convolving {
  readonly strides: number | [number, number];
  readonly pad: 'same' | 'valid' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}
type Shape4 = [number, number, number, number];
/** Numbers on the backend's heap. */
type Values = ReturnType<BackendWasm['typedArrayFromHeap']>;
type Padding = [[0, 0], [number, number], [number, number], [0, 0]];

let registered = false;

/**
 * Gives the WebAssembly backend the gradients that training needs: that of a convolution's kernel, which it does not have; that
 * of a convolution's input, which it has, but ten times slower than its convolution; and those of max-pooling and average
 * pooling as TensorFlow computes them.
 */
export function registerTrainingKernels(): void {
  if (registered) return;
  registered = true;
  replace({ kernelName: 'Conv2DBackpropFilter', backendName: 'wasm', kernelFunc: kernelGradient });
  replace({
    kernelName: 'Conv2DBackpropInput',
    backendName: 'wasm',
    kernelFunc: inputGradient(stock('Conv2DBackpropInput')),
  });
  replace({ kernelName: 'MaxPoolGrad', backendName: 'wasm', kernelFunc: maxPoolingGradient });
  replace({ kernelName: 'AvgPoolGrad', backendName: 'wasm', kernelFunc: averagePoolingGradient });
}

function stock(name: string): KernelFunc {
  return getKernel(name, 'wasm').kernelFunc;
}

function replace(kernel: KernelConfig): void {
  if (getKernel(kernel.kernelName, kernel.backendName)) unregisterKernel(kernel.kernelName, kernel.backendName);
  registerKernel(kernel);
}

/**
 * The gradient of a kernel is a convolution too: of the images with the gradient of the output as its kernel, channels and
 * batch having changed places. A stride becomes a dilation.
 */
const kernelGradient: KernelFunc = ({ inputs, attrs }) => {
  const { x, dy } = inputs as unknown as { x: Tensor4D; dy: Tensor4D };
  const { strides, pad, dimRoundingMode, filterShape } = attrs as unknown as Convolving & { filterShape: Shape4 };
  const { strideHeight, strideWidth, filterHeight, filterWidth, inHeight, inWidth, outHeight, outWidth, padInfo } =
    backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
  // What the windows reach over the lower and right edges; the rows that no window reaches are cut off below.
  const below = Math.max(0, (outHeight - 1) * strideHeight + filterHeight - inHeight - padInfo.top);
  const right = Math.max(0, (outWidth - 1) * strideWidth + filterWidth - inWidth - padInfo.left);
  const padding: Padding = [
    [0, 0],
    [padInfo.top, below],
    [padInfo.left, right],
    [0, 0],
  ];
  return tidy(() => {
    const images = transpose(x, [3, 1, 2, 0]); //                                             [in, H, W, B]
    const windows = transpose(dy, [1, 2, 0, 3]); //                                       [H', W', B, out]
    const found = conv2d(images, windows, 1, padding, 'NHWC', [strideHeight, strideWidth]);
    const kernel = slice(found, [0, 0, 0, 0], [filterShape[2], filterHeight, filterWidth, filterShape[3]]);
    return transpose(kernel, [1, 2, 0, 3]); //                                    [height, width, in, out]
  });
};

/** The gradient of the input, at stride 1: a convolution of the gradient of the output with the kernel turned by 180°. */
function inputGradient(stockKernel: KernelFunc): KernelFunc {
  return (params) => {
    const { dy, filter } = params.inputs as unknown as { dy: Tensor4D; filter: Tensor4D };
    const { strides, pad, dimRoundingMode, inputShape } = params.attrs as unknown as Convolving & {
      inputShape: Shape4;
    };
    const { strideHeight, strideWidth, filterHeight, filterWidth, inHeight, inWidth, outHeight, outWidth, padInfo } =
      backend_util.computeConv2DInfo(inputShape, filter.shape, strides, 1, pad, dimRoundingMode);
    if (strideHeight !== 1 || strideWidth !== 1) return stockKernel(params);
    const padding: Padding = [
      [0, 0],
      [filterHeight - 1 - padInfo.top, inHeight - outHeight + padInfo.top],
      [filterWidth - 1 - padInfo.left, inWidth - outWidth + padInfo.left],
      [0, 0],
    ];
    return tidy(() => conv2d(dy, transpose(reverse(filter, [0, 1]), [0, 1, 3, 2]), 1, padding));
  };
}

/** The gradient goes to the first of equal values, as in TensorFlow; the backend's own goes to the last. */
const maxPoolingGradient = poolingGradient((dx, x, gradient, { first, columns, rows, rowLength, channels }) => {
  let largest = -1;
  let value = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < rows; row++) {
    let at = first + row * rowLength;
    for (let column = 0; column < columns; column++, at += channels) {
      const candidate = x[at]!;
      if (candidate > value) {
        value = candidate;
        largest = at;
      }
    }
  }
  if (largest >= 0) dx[largest]! += gradient;
});

/** The gradient goes to the pixels inside the feature map in equal parts; the backend's own counts those outside too. */
const averagePoolingGradient = poolingGradient((dx, _, gradient, { first, columns, rows, rowLength, channels }) => {
  const part = gradient / (rows * columns);
  for (let row = 0; row < rows; row++) {
    let at = first + row * rowLength;
    for (let column = 0; column < columns; column++, at += channels) dx[at]! += part;
  }
});

/** The part of a window that lies inside the feature map, in one channel. Positions are those of values in memory. */
interface PoolingWindow {
  first: number;
  rows: number;
  columns: number;
  /** From a value to the one below it. */
  rowLength: number;
  /** From a value to the one on its right. */
  channels: number;
}

/** @param share adds the gradient of one pooled value to `dx`, the gradient of `x` */
function poolingGradient(
  share: (dx: Values, x: Values, gradient: number, window: Readonly<PoolingWindow>) => void,
): KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const { dy, input } = inputs as unknown as { dy: Tensor4D; input: Tensor4D };
    const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as Convolving & {
      filterSize: [number, number];
    };
    const pool = backend_util.computePool2DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
    const wasm = backend as BackendWasm;
    const output = wasm.makeOutput(input.shape, 'float32');
    // Views of the heap, taken after the output was: making room for it can move the heap.
    const dx = wasm.typedArrayFromHeap(output);
    const x = wasm.typedArrayFromHeap(input);
    const gradient = wasm.typedArrayFromHeap(dy);
    dx.fill(0);
    const { inChannels: channels, inHeight, inWidth } = pool;
    const window: PoolingWindow = { first: 0, rows: 0, columns: 0, rowLength: inWidth * channels, channels };
    let from = 0;
    for (let image = 0; image < pool.batchSize; image++) {
      for (let row = 0; row < pool.outHeight; row++) {
        const top = row * pool.strideHeight - pool.padInfo.top;
        const firstRow = Math.max(0, top);
        window.rows = Math.min(inHeight, top + pool.filterHeight) - firstRow;
        for (let column = 0; column < pool.outWidth; column++) {
          const left = column * pool.strideWidth - pool.padInfo.left;
          const firstColumn = Math.max(0, left);
          window.columns = Math.min(inWidth, left + pool.filterWidth) - firstColumn;
          window.first = ((image * inHeight + firstRow) * inWidth + firstColumn) * channels;
          for (let channel = 0; channel < channels; channel++, window.first++, from++) {
            share(dx, x, gradient[from]!, window);
          }
        }
      }
    }
    return output;
  };
}
