import { countAlone, TOGETHER } from './batching.ts';
import { type Margin, noMargin, type Picture } from './memory.ts';
import { IMAGE, type LoweredModel, type Operation, type Shape } from './operation.ts';
import { TILE, tiles, usesWinograd } from './winograd.ts';

/** Room for so many images. @param room channels of a pixel, if not whole blocks */
export type Allocate = (images: number, shape: Shape, margin: Margin, room?: number) => Picture;

/** Where the image and what each operation gives lie: in a place of its own, or in that of what it was made of. */
export class Pictures {
  readonly #allocate: Allocate;
  readonly #model: LoweredModel;
  /** What an image goes through alone. */
  readonly #alone: ReadonlySet<Operation>;
  readonly #places = new Map<string, Picture>();

  constructor(model: LoweredModel, allocate: Allocate) {
    this.#model = model;
    this.#alone = new Set(model.operations.slice(0, countAlone(model)));
    this.#allocate = allocate;
  }

  of(name: string): Picture {
    const place = this.#places.get(name) ?? this.#place(name);
    this.#places.set(name, place);
    return place;
  }

  #place(name: string): Picture {
    const readings = this.#readings(name);
    const margin = (shape: Shape) => readings.map(marginOf).reduce(union, noMargin(shape));
    const images = readings.length > 0 && readings.every((reader) => this.#alone.has(reader)) ? 1 : TOGETHER;
    if (name === IMAGE) {
      const { input } = this.#model;
      return this.#allocate(images, input, margin(input), this.#isImageReadAsItIs() ? input.channels : undefined);
    }
    const operation = this.#model.operations.find((each) => each.name === name)!;
    const changed = this.#changedBy(operation);
    return changed === undefined
      ? this.#allocate(images, operation.output, margin(operation.output))
      : this.of(changed);
  }

  /** A product reads rows as they come, without gaps for channels that there are not; all else takes four at once. */
  #isImageReadAsItIs(): boolean {
    const readers = this.#readersOf(IMAGE);
    if (readers.length === 1 && readers[0]!.kind === 'dense') return true;
    return readers.every((reader) => reader.kind === 'convolution' && !usesWinograd(reader));
  }

  #readersOf(name: string): Operation[] {
    return this.#model.operations.flatMap((each) => each.inputs.filter((input) => input === name).map(() => each));
  }

  /** What an operation may overwrite: it works in place, and nobody else reads that. */
  #changedBy({ kind, inputs }: Operation): string | undefined {
    if (kind !== 'activation' && kind !== 'affine' && kind !== 'sum') return undefined;
    return inputs.find((name) => this.#readersOf(name).length === 1);
  }

  /** Whatever reads the place of this, before or after it was changed. */
  #readings(name: string): Operation[] {
    return this.#readersOf(name).flatMap((reader) =>
      this.#changedBy(reader) === name ? this.#readings(reader.name) : [reader],
    );
  }
}

/** What an operation needs around the picture that it reads. */
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

/** Enough for both: what is below and to the right of the first pixel counts from there. */
function union(one: Margin, other: Margin): Margin {
  const [top, left] = [Math.max(one.top, other.top), Math.max(one.left, other.left)];
  return {
    ...{ top, left },
    rows: top + Math.max(one.rows - one.top, other.rows - other.top),
    columns: left + Math.max(one.columns - one.left, other.columns - other.left),
  };
}
