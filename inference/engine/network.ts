import type { Memory } from './kernels/runtime.ts';
import { BATCH_SIZE, countUnbatched } from './memory/batching.ts';
import type { FeatureMap } from './memory/feature-map.ts';
import { FeatureMaps } from './memory/feature-maps.ts';
import { Layout } from './memory/layout.ts';
import { IMAGE, type LoweredModel } from './model/operation.ts';
import type { Images, Step } from './steps/step.ts';
import { stepsOf } from './steps/steps.ts';

/** A model in WebAssembly's memory. Everything is allocated when it is opened, nothing when it answers. */
export interface Network {
  /**
   * @param pixels `[N, height, width, channels]` uint8, any N
   * @returns `[N, classes]`
   */
  logits(pixels: Uint8Array): Float32Array;
  /** Bytes of memory. */
  readonly bytes: number;
}

/**
 * @param atMost bytes of memory @default any number
 * @throws {NetworkTooLarge} it needs more
 */
export async function openNetwork(model: LoweredModel, atMost = Number.POSITIVE_INFINITY): Promise<Network> {
  const { input: shape, operations, classes } = model;
  const layout = new Layout();
  const featureMaps = new FeatureMaps(model, (...request) => layout.featureMap(...request));
  const input = featureMaps.of(IMAGE);
  const steps = operations.map((operation) => stepsOf(layout, featureMaps, operation));
  const split = countUnbatched(model);
  const [unbatched, batched] = [steps.slice(0, split).flat(), steps.slice(split).flat()];
  const { memory, prepare } = await layout.start(atMost);
  const output = featureMaps.of(operations.at(-1)!.name);
  const tables = tablesOf(model);
  const program = (of: readonly Step[], images: Images) => prepare(of.flatMap((step) => step(images)));
  /** Programs by the image's index, and by the number of images; each is made when it is first needed. */
  const [unbatchedByImage, batchedByCount]: [(() => void)[], (() => void)[]] = [[], []];

  return {
    bytes: memory.buffer.byteLength,
    logits(pixels) {
      const size = shape.height * shape.width * shape.channels;
      const images = pixels.length / size;
      const logits = new Float32Array(images * classes);
      for (let first = 0; first < images; first += BATCH_SIZE) {
        const count = Math.min(BATCH_SIZE, images - first);
        for (let image = 0; image < count; image++) {
          const from = (first + image) * size;
          write(memory, input, image, tables, pixels.subarray(from, from + size));
          unbatchedByImage[image] ??= program(unbatched, { from: image, count: 1 });
          unbatchedByImage[image]();
        }
        batchedByCount[count] ??= program(batched, { from: 0, count });
        batchedByCount[count]();
        for (let image = 0; image < count; image++) {
          const row = new Float32Array(memory.buffer, output.address + image * output.image, classes);
          logits.set(row, (first + image) * classes);
        }
      }
      return logits;
    },
  };
}

/** `[channels][256]`: the network's input for each byte. */
function tablesOf({ preparation: { scale, shift } }: LoweredModel): readonly Float32Array[] {
  return scale.map((factor, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => byte * factor + shift[channel]!),
  );
}

/** Writes an image, prepared. @param index of the image in memory @param pixels `[height, width, channels]` */
function write(
  memory: Memory,
  { height, width, channels, address, pixel, row, image }: FeatureMap,
  index: number,
  tables: readonly Float32Array[],
  pixels: Uint8Array,
): void {
  const values = new Float32Array(memory.buffer);
  let from = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = (address + index * image + y * row + x * pixel) >> 2;
      for (let channel = 0; channel < channels; channel++) values[to + channel] = tables[channel]![pixels[from++]!]!;
    }
  }
}
