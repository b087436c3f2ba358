import { constants } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '#errors/user-error.ts';
import {
  type Dataset,
  defaultForm,
  type ImageForm,
  imageSizes,
  type LoadOptions,
  type Split,
} from '../../data/dataset.ts';
import { freeMemory } from '../../data/free-memory.ts';
import { channelStatistics } from '../../data/image-set.ts';
import type { Labels } from '../../data/labels.ts';
import { splitDigest } from '../../data/split-digest.ts';
import { assertTrainable } from './assert-trainable.ts';
import { type Checked, checkPictures } from './check-pictures.ts';
import { withPictures } from './import-pictures.ts';
import { listPictures } from './list-pictures.ts';
import type { Listing, SplitName } from './listing.ts';
import type { Pack } from './pack.ts';
import { rememberPlace } from './places.ts';

/**
 * Loads the pictures of a folder or a table as a data set. They are decoded once, and kept in the cache.
 *
 * @param place a folder with a folder for each class, or a `.csv` or `.jsonl` table
 * @throws {UserError} it has no pictures, only one class, too few pictures in a class, or too many that cannot be read; the message
 *   names the first
 */
export async function loadPictures(place: string, options: LoadOptions = {}): Promise<Dataset> {
  const listing = await listPictures(place, options);
  const { image = defaultForm, log } = options;
  // Pictures are checked and split in one form, whatever they are trained in: a split must not depend on a setting.
  return withPictures(listing, defaultForm, options, async (pictures, pack) => {
    const checked = await checkPictures(listing, pictures, { pack, size: defaultForm.size, onBad: options.onBad });
    assertTrainable(checked.findings);
    assertFits(place, checked, image.size);
    for (const { level, title, examples, remedy } of checked.findings) {
      if (level === 'warning') log?.(`${title}, such as ${examples[0]!.words}. ${remedy}`);
    }
    const data = isDeepStrictEqual(image, defaultForm)
      ? await datasetOf(listing, checked, pack, image)
      : await withPictures(listing, image, options, (_, own) => datasetOf(listing, checked, own, image));
    await rememberPlace(place, data.sha256.test);
    return data;
  });
}

/** @throws {UserError} the pixels of all pictures are more than this process can hold; the message says which size it could */
function assertFits(place: string, { usable }: Checked, size: number): void {
  const bytes = (each: number) => usable.length * 3 * each ** 2;
  const most = Math.min(freeMemory(), constants.MAX_LENGTH);
  if (bytes(size) <= most) return;
  const smaller = imageSizes.findLast((each) => each < size && bytes(each) <= most);
  const remedy = smaller === undefined ? 'Train on fewer' : `Set imageSize=${smaller}, or train on fewer`;
  throw new UserError(
    `The ${usable.length} pictures of ${place} take ${gigabytes(bytes(size))} of memory at ${size}x${size} pixels, and this process can have ` +
      `${gigabytes(most)}. ${remedy}, or on a machine with more memory.`,
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

async function datasetOf(
  listing: Listing,
  { usable, splits }: Checked,
  pack: Pack,
  { size }: ImageForm,
): Promise<Dataset> {
  const { title, classes } = listing;
  const indicesOf = (split: SplitName) => [...usable.keys()].filter((index) => splits[index] === split);
  const [train, heldOut, test] = [indicesOf('train'), indicesOf('val'), indicesOf('test')];
  const trained = await readSplit([...train, ...heldOut], usable, classes.length, { pack, size });
  const tested = await readSplit(test, usable, classes.length, { pack, size });
  return {
    name: nameOf(title),
    title,
    sha256: { train: splitDigest(trained), test: splitDigest(tested) },
    classes,
    images: { size: [size, size, 3], classes: classes.length, ...channelStatistics(trained.images, 3) },
    train: trained,
    test: tested,
    heldOutImages: 'last',
    heldOut: heldOut.length,
  };
}

async function readSplit(
  indices: readonly number[],
  usable: Checked['usable'],
  classes: number,
  { pack, size }: { readonly pack: Pack; readonly size: number },
): Promise<Split> {
  const bytes = 3 * size ** 2;
  const images = new Uint8Array(indices.length * bytes);
  const labels: Labels = classes > 256 ? new Uint16Array(indices.length) : new Uint8Array(indices.length);
  const damaged: string[] = [];
  for (const [position, index] of indices.entries()) {
    const picture = usable[index]!;
    labels[position] = picture.label;
    const packed = pack.find(picture.facts.sha256);
    if (packed && (await pack.read(packed, images.subarray(position * bytes, (position + 1) * bytes)))) continue;
    damaged.push(picture.path);
    if (packed) pack.forget(packed.at);
  }
  if (damaged.length === 0) return { count: indices.length, images, labels };
  throw new UserError(
    `The cached pixels of ${damaged.length === 1 ? 'a picture' : `${damaged.length} pictures`} are damaged: ${damaged[0]}. ` +
      'Check the disk, and run the command again: they are made anew.',
  );
}

/** A name for stores and lists: small letters, digits and dashes. */
function nameOf(title: string): string {
  const plain = title
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
  return (
    plain
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 60)
      .replace(/-+$/, '') || 'pictures'
  );
}
