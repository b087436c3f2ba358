import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decodeImage } from '#images/decode-image.ts';
import { defaultForm } from '../../data/dataset.ts';
import { withPictures } from './import-pictures.ts';
import { listPictures } from './list-pictures.ts';
import { png, temporaryFolder, writeFiles } from './pictures.fixture.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

test('each of many pictures has its own pixels in the cache, though some take longer to open than others', async () => {
  const files: Record<string, Uint8Array> = {};
  for (let number = 0; number < 640; number++) {
    // In every second batch of a thread each picture is opened by a library that answers later.
    const isSlow = number % 64 < 32;
    const bytes = png(number);
    files[`${number % 2}/${number}.${isSlow ? 'tiff' : 'png'}`] = isSlow
      ? await sharp(bytes).tiff({ compression: 'none' }).toBuffer()
      : bytes;
  }
  await writeFiles(folder, files);
  const listing = await listPictures(folder);
  await withPictures(listing, defaultForm, {}, async (pictures, pack) => {
    const input = { width: defaultForm.size, height: defaultForm.size };
    for (const [index, { path }] of listing.pictures.entries()) {
      const packed = pictures[index]!;
      const pixels = new Uint8Array(3 * defaultForm.size ** 2);
      expect('at' in packed && (await pack.read(packed, pixels)), path).toBe(true);
      const number = Number(/(\d+)\.\w+$/.exec(path)![1]);
      expect(Buffer.from((await decodeImage(png(number), { input })).pixels).equals(pixels), path).toBe(true);
    }
  });
});
