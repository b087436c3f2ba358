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
type Padding = [[0, 0], [number, number], [number, number], [0, 0]];

let registered = false;

/**
 * Gives the WebAssembly backend what training needs of it: the gradient of a convolution's kernel, which it lacks; the
 * gradient of a convolution's input, which it has, but ten times slower than its convolution; and the gradient of max
 * pooling with TensorFlow's choice among equal values.
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
const maxPoolingGradient: KernelFunc = ({ inputs, attrs, backend }) => {
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
  let from = 0;
  for (let image = 0; image < pool.batchSize; image++) {
    for (let row = 0; row < pool.outHeight; row++) {
      const top = row * pool.strideHeight - pool.padInfo.top;
      const firstRow = Math.max(0, top);
      const endRow = Math.min(inHeight, top + pool.filterHeight);
      for (let column = 0; column < pool.outWidth; column++) {
        const left = column * pool.strideWidth - pool.padInfo.left;
        const firstColumn = Math.max(0, left);
        const endColumn = Math.min(inWidth, left + pool.filterWidth);
        for (let channel = 0; channel < channels; channel++) {
          let largest = -1;
          let value = Number.NEGATIVE_INFINITY;
          for (let y = firstRow; y < endRow; y++) {
            let at = ((image * inHeight + y) * inWidth + firstColumn) * channels + channel;
            for (let across = firstColumn; across < endColumn; across++, at += channels) {
              const candidate = x[at]!;
              if (candidate > value) {
                value = candidate;
                largest = at;
              }
            }
          }
          if (largest >= 0) dx[largest]! += gradient[from]!;
          from++;
        }
      }
    }
  }
  return output;
};
