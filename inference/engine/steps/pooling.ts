import type { Call } from '../kernels/runtime.ts';
import type { FeatureMap } from '../memory/feature-map.ts';
import type { Pooling } from '../model/operation.ts';
import { eachImage, type Step } from './step.ts';

const kernels = { max: 'maxPool', average: 'averagePool' } as const;

/** Max or average pooling: a kernel call for each group of windows that have the same size inside the feature map. */
export function poolingStep(input: FeatureMap, output: FeatureMap, operation: Pooling): Step {
  const { size, stride, padding } = operation;
  const kernel = kernels[operation.function];
  const rowSpans = spans(input.height, output.height, size.height, stride.height, padding.top);
  const columnSpans = spans(input.width, output.width, size.width, stride.width, padding.left);
  return (images) =>
    eachImage(images, (image) => ({
      input: input.address + image * input.image,
      output: output.address + image * output.image,
    })).flatMap((at) =>
      rowSpans.flatMap((rows) =>
        columnSpans.map(
          (columns): Call => ({
            ...{ kernel, input: at.input + rows.from * input.row + columns.from * input.pixel },
            ...{ rows: rows.count, inputRow: stride.height * input.row },
            ...{ pixels: columns.count, inputPixel: stride.width * input.pixel },
            ...{ windowRows: rows.window, windowRow: input.row },
            ...{ windowPixels: columns.window, windowPixel: input.pixel, vectors: input.paddedChannels / 4 },
            ...{ output: at.output + rows.to * output.row + columns.to * output.pixel },
            ...{ outputRow: output.row, outputPixel: output.pixel },
          }),
        ),
      ),
    );
}

/** Neighbouring outputs, in one direction, whose windows are equally long. */
interface Span {
  /** The first line that is read. */
  readonly from: number;
  /** The first line that is written. */
  readonly to: number;
  /** How many outputs. */
  readonly count: number;
  /** Lines of each window that are inside the feature map. */
  readonly window: number;
}

/** Windows at the border are cut off by it: they are shorter than the others. */
function spans(length: number, outputs: number, size: number, stride: number, padding: number): Span[] {
  const found: Span[] = [];
  for (let to = 0; to < outputs; to++) {
    const start = to * stride - padding;
    const from = Math.max(0, start);
    const window = Math.min(length, start + size) - from;
    const last = found.at(-1);
    const follows = last?.window === window && last.from + last.count * stride === from;
    if (follows) found[found.length - 1] = { ...last, count: last.count + 1 };
    else found.push({ from, to, count: 1, window });
  }
  return found;
}
