import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { download, verifyFile } from '../published/download.ts';
import { tarEntries } from '../published/tar.ts';
import type { DatasetSource, FetchedSplits } from './source.ts';

const PLANE = 32 * 32;
const RECORD = 1 + 3 * PLANE;
const BATCH = 10_000;

interface Archive {
  /** @default the dataset's own home */
  readonly url?: string;
  /** The archive's digest. @default the official one's */
  readonly sha256?: string;
}

/**
 * The official archive: `data_batch_1..5.bin` and `test_batch.bin`, each 10,000 records of a label and 3,072 bytes, first
 * all red ones, then green, then blue.
 *
 * @see https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version"
 */
export function archiveSource({
  url = 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
  sha256 = 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
}: Archive = {}): DatasetSource {
  return {
    title: 'the official archive, 170 MB',
    async fetch(folder, signal) {
      const file = join(folder, 'cifar-10-binary.tar.gz');
      await download(url, file, signal);
      await verifyFile(file, sha256);
      return await decodeArchive(file);
    },
  };
}

async function decodeArchive(file: string): Promise<FetchedSplits> {
  const train = Buffer.alloc(5 * BATCH * RECORD);
  const test = Buffer.alloc(BATCH * RECORD);
  let batches = 0;
  for await (const { name, body } of tarEntries(createReadStream(file).pipe(createGunzip()))) {
    const batch = name.match(/(?:data_batch_([1-5])|test_batch)\.bin$/);
    if (!batch) continue;
    if (body.length !== BATCH * RECORD)
      throw new Error(`${name} has ${body.length} bytes instead of ${BATCH * RECORD}`);
    if (batch[1]) decodeBatch(body, train, 5 * BATCH, (Number(batch[1]) - 1) * BATCH);
    else decodeBatch(body, test, BATCH, 0);
    batches++;
  }
  if (batches !== 6) throw new Error(`the archive holds ${batches} of the six batches`);
  return { train, test };
}

/** Turns records of label and planes into labels, then interleaved pixels, of `count` images in all, from `first` on. */
function decodeBatch(records: Buffer, into: Buffer, count: number, first: number): void {
  for (let image = 0; image < BATCH; image++) {
    const from = image * RECORD;
    const to = count + (first + image) * 3 * PLANE;
    into[first + image] = records[from]!;
    for (let pixel = 0; pixel < PLANE; pixel++) {
      for (let channel = 0; channel < 3; channel++) {
        into[to + pixel * 3 + channel] = records[from + 1 + channel * PLANE + pixel]!;
      }
    }
  }
}
