import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { encode } from 'fast-png';
import { home, shownPath } from '#environment/home.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';

/** A picture to try the endpoint with. */
export interface ExamplePicture {
  /** Its path, as messages show it. */
  readonly file: string;
  /** What it shows: the name of the class. */
  readonly truth: string;
  readonly png: Uint8Array;
}

/**
 * Writes the first test image of each class to `examples/<class>.png` in the home folder.
 *
 * @throws {UserError} the data set is unavailable
 */
export async function writeExamplePictures(): Promise<ExamplePicture[]> {
  const { classes, test, images } = await loadCifar10();
  const [height, width, channels] = images.size;
  const size = height * width * channels;
  const folder = path.join(home, 'examples');
  await mkdir(folder, { recursive: true });
  return Promise.all(
    classes.map(async (truth, label) => {
      const index = test.labels.indexOf(label);
      const data = test.images.subarray(index * size, (index + 1) * size);
      const png = encode({ width, height, channels: channels as 3, data });
      const file = path.join(folder, `${truth}.png`);
      await writeFile(file, png);
      return { file: shownPath(file), truth, png };
    }),
  );
}
