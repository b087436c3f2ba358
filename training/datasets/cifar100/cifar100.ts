import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import type { Dataset, LoadOptions } from '../../data/dataset.ts';
import { channelStatistics } from '../../data/image-set.ts';
import { splitDigest } from '../../data/split-digest.ts';
import { download, verifyFile } from '../published/download.ts';
import { tarEntries } from '../published/tar.ts';
import { type FilesSource, fetchFromAny, type PublishedFiles, verifiedFiles } from '../published/verified-files.ts';
import { coarseClasses, fineClasses } from './classes.ts';
import { decodeRecords, type Labelling } from './records.ts';

type FileName = 'train' | 'test';

/**
 * SHA-256 of the official archive's `train.bin` and `test.bin`, as torchvision's port to Ruby has them; that of the archive is in
 * many programs, such as TensorFlow Datasets.
 *
 * @see https://github.com/ankane/torchvision-ruby, lib/torchvision/datasets/cifar100.rb
 */
const official: PublishedFiles<FileName> = {
  title: 'CIFAR-100',
  folder: 'cifar100-58a81ae192c23a4b',
  sha256: {
    train: 'f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29',
    test: 'd8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a',
  },
};

interface Archive {
  /** @default the data set's own home */
  readonly url?: string;
  /** The archive's digest. @default the official one's */
  readonly sha256?: string;
}

/** The official archive, in its binary version. */
export function cifar100Archive({
  url = 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
  sha256 = '58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec',
}: Archive = {}): FilesSource<FileName> {
  return {
    title: 'the official archive, 169 MB',
    async fetch(folder, signal) {
      const file = join(folder, 'cifar-100-binary.tar.gz');
      await download(url, file, signal);
      await verifyFile(file, sha256);
      const files: Partial<Record<FileName, Buffer>> = {};
      for await (const { name, body } of tarEntries(createReadStream(file).pipe(createGunzip()))) {
        const split = /(?:^|\/)(train|test)\.bin$/.exec(name)?.[1] as FileName | undefined;
        if (split) files[split] = body;
      }
      const { train, test } = files;
      if (!train || !test) throw new Error('the archive has no train.bin and test.bin');
      return { train, test };
    },
  };
}

interface Cifar100Options extends LoadOptions {
  /** Tried in this order. @default the official archive */
  readonly sources?: readonly FilesSource<FileName>[];
  /** What the sources must bring. @default the official files */
  readonly published?: PublishedFiles<FileName>;
}

/**
 * Loads CIFAR-100: 50,000 and 10,000 pictures of 32x32, with the labels of its 100 classes, or of the 20 groups of five that these
 * are in. Every byte is verified on every load.
 *
 * @throws {UserError} no source can be reached, or none has the right bytes
 */
export async function loadCifar100(labelling: Labelling, options: Cifar100Options = {}): Promise<Dataset> {
  const { sources = [cifar100Archive()], published = official } = options;
  const files = await verifiedFiles(published, () => fetchFromAny(published, sources, options), options);
  const [train, test] = [decodeRecords(files.train, labelling), decodeRecords(files.test, labelling)];
  const isFine = labelling === 'fine';
  const classes = isFine ? fineClasses : coarseClasses;
  return {
    name: isFine ? 'cifar100' : 'cifar100-coarse',
    title: isFine ? 'CIFAR-100' : 'CIFAR-100, coarse labels',
    sha256: { train: splitDigest(train), test: splitDigest(test) },
    classes,
    images: { size: [32, 32, 3], classes: classes.length, ...channelStatistics(train.images, 3) },
    train,
    test,
    heldOutImages: 'last',
  };
}
