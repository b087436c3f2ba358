import { TILE, tiles, usesWinograd } from '../kernels/winograd.ts';
import { IMAGE, type LoweredModel, type Operation, type Shape } from '../model/operation.ts';
import { BATCH_SIZE, countUnbatched } from './batching.ts';
import { type FeatureMap, type Margin, noMargin } from './feature-map.ts';

/** Allocates feature maps for a number of images. @param paddedChannels by default, whole blocks */
export type Allocate = (images: number, shape: Shape, margin: Margin, paddedChannels?: number) => FeatureMap;

/** Where the image and each operation's output are: in memory of their own, or in that of an input, changed in place. */
export class FeatureMaps {
  readonly #allocate: Allocate;
  readonly #model: LoweredModel;
  readonly #unbatched: ReadonlySet<Operation>;
  readonly #byName = new Map<string, FeatureMap>();

  constructor(model: LoweredModel, allocate: Allocate) {
    this.#model = model;
    this.#unbatched = new Set(model.operations.slice(0, countUnbatched(model)));
    this.#allocate = allocate;
  }

  /** @param name an operation's, or `IMAGE` */
  of(name: string): FeatureMap {
    const featureMap = this.#byName.get(name) ?? this.#open(name);
    this.#byName.set(name, featureMap);
    return featureMap;
  }

  #open(name: string): FeatureMap {
    const readers = this.#readersOfMemory(name);
    const margin = (shape: Shape) => readers.map(marginOf).reduce(union, noMargin(shape));
    const images = readers.length > 0 && readers.every((reader) => this.#unbatched.has(reader)) ? 1 : BATCH_SIZE;
    if (name === IMAGE) {
      const { input } = this.#model;
      return this.#allocate(images, input, margin(input), this.#isImageUnpadded() ? input.channels : undefined);
    }
    const operation = this.#model.operations.find((each) => each.name === name)!;
    const changed = this.#changedBy(operation);
    return changed === undefined
      ? this.#allocate(images, operation.output, margin(operation.output))
      : this.of(changed);
  }

  /** A product reads pixels without padded channels; every other kernel reads four channels at a time. */
  #isImageUnpadded(): boolean {
    const readers = this.#readersOf(IMAGE);
    if (readers.length === 1 && readers[0]!.kind === 'dense') return true;
    return readers.every((reader) => reader.kind === 'convolution' && !usesWinograd(reader));
  }

  /** Once for each time that it is read. */
  #readersOf(name: string): Operation[] {
    return this.#model.operations.flatMap((each) => each.inputs.filter((input) => input === name).map(() => each));
  }

  /** The input that an operation overwrites: it works in place, and nothing else reads that input. */
  #changedBy({ kind, inputs }: Operation): string | undefined {
    if (kind !== 'activation' && kind !== 'affine' && kind !== 'sum') return undefined;
    return inputs.find((name) => this.#readersOf(name).length === 1);
  }

  /** Every operation that reads this memory, before or after it is changed in place. */
  #readersOfMemory(name: string): Operation[] {
    return this.#readersOf(name).flatMap((reader) =>
      this.#changedBy(reader) === name ? this.#readersOfMemory(reader.name) : [reader],
    );
  }
}

/** The margin that an operation needs around its input. */
function marginOf(reader: Operation): Margin {
  if (reader.kind !== 'convolution') return { top: 0, left: 0, rows: 0, columns: 0 };
  const { padding, stride, kernel, output } = reader;
  const [windowRows, windowColumns] = kernel.shape as [number, number];
  if (usesWinograd(reader)) {
    return { ...padding, rows: tiles(output.height) * TILE + 2, columns: tiles(output.width) * TILE + 2 };
  }
  const reach = (count: number, window: number) => (count - 1) * stride + window;
  return { ...padding, rows: reach(output.height, windowRows), columns: reach(output.width, windowColumns) };
}

/** Enough for both, aligned at the feature map's first pixel. */
function union(one: Margin, other: Margin): Margin {
  const [top, left] = [Math.max(one.top, other.top), Math.max(one.left, other.left)];
  return {
    ...{ top, left },
    rows: top + Math.max(one.rows - one.top, other.rows - other.top),
    columns: left + Math.max(one.columns - one.left, other.columns - other.left),
  };
}
