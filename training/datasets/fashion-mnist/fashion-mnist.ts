import { readdir } from 'node:fs/promises';
import type { Dataset, LoadOptions, Split } from '../../data/dataset.ts';
import { splitDigest } from '../../data/split-digest.ts';
import { type FilesSource, fetchFromAny, type PublishedFiles, verifiedFiles } from '../published/verified-files.ts';
import { readIdx } from './idx.ts';
import { addressSource, debianFolder, type FileName, fileNames, folderSource } from './sources.ts';

/** SHA-256 of the four files, unpacked. Packed, they have the MD5 sums of the authors' page. */
const published: PublishedFiles<FileName> = {
  title: 'Fashion-MNIST',
  folder: 'fashion-mnist-c59f468a2f672dc8',
  sha256: {
    'train-images-idx3-ubyte': 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
    'train-labels-idx1-ubyte': 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
    't10k-images-idx3-ubyte': '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    't10k-labels-idx1-ubyte': '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
  },
};

/** As the authors name them. */
const CLASSES = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

/** Pixels across and down, of the files and of the net's input. */
const [DRAWN, SIZE] = [28, 32];

interface FashionMnistOptions extends LoadOptions {
  /** Tried in this order. @default the folder of Debian's package, then the authors' address */
  readonly sources?: readonly FilesSource<FileName>[];
}

/** Whether a folder has files with the names of Fashion-MNIST's. MNIST's have the same names. */
export async function hasFashionMnist(folder: string): Promise<boolean> {
  const names: string[] = await readdir(folder).catch(() => []);
  return fileNames.every((name) => names.some((found) => found === name || found === `${name}.gz`));
}

/**
 * Loads Fashion-MNIST from a folder with its four files, and keeps them in the cache.
 *
 * @throws {UserError} a file is damaged, or they are of another data set
 */
export async function loadFashionMnistFrom(folder: string, options: LoadOptions = {}): Promise<Dataset> {
  const source = folderSource(folder);
  const files = await fetchFromAny(published, [source], options);
  return loadFashionMnist({ ...options, sources: [{ ...source, fetch: async () => files }] });
}

/**
 * Loads Fashion-MNIST: 60,000 and 10,000 grey pictures of clothes, 28x28, with a black margin of two pixels around each, and the grey
 * in all three channels. Every byte of the four files is verified on every load.
 *
 * @throws {UserError} no source has the files
 * @see Xiao, Rasul and Vollgraf, arXiv:1708.07747
 */
export async function loadFashionMnist(options: FashionMnistOptions = {}): Promise<Dataset> {
  const { sources = [folderSource(debianFolder), addressSource()] } = options;
  const files = await verifiedFiles(published, () => fetchFromAny(published, sources, options), options);
  const splitOf = (name: 'train' | 't10k') =>
    decodeSplit(
      readIdx(files[`${name}-images-idx3-ubyte`], `${name}-images-idx3-ubyte`).data,
      readIdx(files[`${name}-labels-idx1-ubyte`], `${name}-labels-idx1-ubyte`).data,
    );
  const [train, test] = [splitOf('train'), splitOf('t10k')];
  return {
    name: 'fashion-mnist',
    title: 'Fashion-MNIST',
    sha256: { train: splitDigest(train), test: splitDigest(test) },
    classes: CLASSES,
    images: { size: [SIZE, SIZE, 3], classes: CLASSES.length, ...statistics },
    train,
    test,
    heldOutImages: 'last',
  };
}

/** @param drawn `[N, 28, 28]`, grey */
export function decodeSplit(drawn: Uint8Array, labels: Uint8Array): Split {
  const margin = (SIZE - DRAWN) / 2;
  const images = new Uint8Array(labels.length * SIZE * SIZE * 3); // [N, 32, 32, 3], black
  let from = 0;
  for (let image = 0; image < labels.length; image++) {
    for (let row = 0; row < DRAWN; row++) {
      let to = 3 * ((image * SIZE + row + margin) * SIZE + margin);
      for (let column = 0; column < DRAWN; column++) {
        const grey = drawn[from++]!;
        images[to++] = grey;
        images[to++] = grey;
        images[to++] = grey;
      }
    }
  }
  return { count: labels.length, images, labels };
}

/** `channelStatistics` of the 60,000 training images with their margins. */
const statistics = { mean: [0.219, 0.219, 0.219], deviation: [0.33181, 0.33181, 0.33181] };
