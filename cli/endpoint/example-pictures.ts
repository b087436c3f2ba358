import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { encode } from 'fast-png';
import { home, shownPath } from '#environment/home.ts';
import { readAlias } from '#models/aliases.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readVersion, type VerifiedVersion } from '#models/versions.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';

/** A picture to try the endpoint with. */
export interface ExamplePicture {
  /** Its path, as messages show it. */
  readonly file: string;
  /** What it shows: the name of the class. */
  readonly truth: string;
  readonly png: Uint8Array;
}

/** The most pictures that are written. */
const MOST = 20;

/**
 * Writes a test image of each class, or of 20 of them, to `examples/<class>.png` in the home folder. They are golden images of
 * the version that `production` points to, or else `candidate`: every version has some, with their labels, whatever it was
 * trained on. Where nothing is trained yet they are those of CIFAR-10, which a first training is about by default.
 *
 * @throws {UserError} the version cannot be read, or CIFAR-10 is unavailable
 */
export async function writeExamplePictures(store: ObjectStore): Promise<ExamplePicture[]> {
  const version = await exampleVersion(store);
  const images = version === undefined ? await imagesOfCifar10() : imagesOf(version);
  const folder = path.join(home, 'examples');
  await mkdir(folder, { recursive: true });
  const names = fileNames(images.map(({ truth }) => truth));
  return Promise.all(
    images.map(async ({ truth, width, height, pixels }, index) => {
      const png = encode({ width, height, channels: 3, data: pixels });
      const file = path.join(folder, `${names[index]}.png`);
      await writeFile(file, png);
      return { file: shownPath(file), truth, png };
    }),
  );
}

interface LabelledImage {
  readonly truth: string;
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]` uint8 */
  readonly pixels: Uint8Array;
}

async function exampleVersion(store: ObjectStore): Promise<VerifiedVersion | undefined> {
  const alias = (await readAlias(store, 'production')) ?? (await readAlias(store, 'candidate'));
  return alias && readVersion(store, alias.version, { only: [] });
}

/** The first golden image of each class. */
function imagesOf({ card, golden }: VerifiedVersion): LabelledImage[] {
  const { width, height } = card.input;
  return card.classes
    .flatMap((truth) => golden.images.find(({ label }) => label === truth) ?? [])
    .slice(0, MOST)
    .map(({ label, pixels }) => ({ truth: label, width, height, pixels: Buffer.from(pixels, 'base64') }));
}

/** The first test image of each class, as in `imagesOf` a version that was trained on it. */
async function imagesOfCifar10(): Promise<LabelledImage[]> {
  const { classes, test, images } = await loadCifar10();
  const [height, width, channels] = images.size;
  const size = height * width * channels;
  return classes.map((truth, label) => {
    const index = test.labels.indexOf(label);
    return { truth, width, height, pixels: test.images.subarray(index * size, (index + 1) * size) };
  });
}

/** The longest name of a file, in characters: of four bytes each they fit in the 255 bytes that file systems allow. */
const LONGEST = 50;

/** Names of files for classes, whose names may contain anything. Names that some file system takes for the same get a number. */
function fileNames(labels: readonly string[]): string[] {
  const taken = new Set<string>();
  return labels.map((label) => {
    const safe = [...label.normalize('NFC')].slice(0, LONGEST).join('');
    const name = safe.replaceAll(/[/\\:*?"<>|\p{Cc}]|^[.\s-]+|[.\s]+$/gu, '_') || '_';
    for (let number = 1; ; number++) {
      const candidate = number === 1 ? name : `${name}-${number}`;
      if (taken.has(candidate.toLowerCase())) continue;
      taken.add(candidate.toLowerCase());
      return candidate;
    }
  });
}
