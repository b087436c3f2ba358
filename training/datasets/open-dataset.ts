import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { NotFound, UsageError } from '#errors/user-error.ts';
import { type Dataset, defaultForm, type ImageForm, type LoadOptions } from '../data/dataset.ts';
import { loadCifar10 } from './cifar10/cifar10.ts';
import { loadCifar100 } from './cifar100/cifar100.ts';
import { bucketPlace, isInBucket } from './elsewhere/bucket.ts';
import { hasFashionMnist, loadFashionMnist, loadFashionMnistFrom } from './fashion-mnist/fashion-mnist.ts';
import { isPacked, openPacked } from './packed/open-packed.ts';
import { loadPictures } from './pictures/load-pictures.ts';

/** Every data set, by the name that `--data` takes. A new one is a folder beside this file and a line here. */
const loaders: Readonly<Record<string, (options: LoadOptions) => Promise<Dataset>>> = {
  cifar10: loadCifar10,
  cifar100: (options) => loadCifar100('fine', options),
  'cifar100-coarse': (options) => loadCifar100('coarse', options),
  'fashion-mnist': loadFashionMnist,
};

/**
 * Checks what `--data` was given, before anything slow begins.
 *
 * @returns it, unchanged @throws {NotFound} it is neither the name of a data set nor a path
 */
export function checkDataset(where: string): string {
  if (isNamed(where) || existsSync(where)) return where;
  if (isInBucket(where)) {
    bucketPlace(where);
    return where;
  }
  const names = Object.keys(loaders).join(', ');
  throw new NotFound(
    `There is no data set "${where}", and no such path. --data takes ${names}, a folder that has one folder for each class, a .csv or .jsonl table, a .zip, .tar or .tar.gz of either, or s3://<bucket>/<prefix>.`,
  );
}

/** Whether this is the name of a data set, which every machine can fetch; else it is a path on this one. */
export function isNamed(where: string): boolean {
  return Object.hasOwn(loaders, where);
}

/**
 * @param where as `--data` takes it: the name of a data set, the path of a folder, table or archive of pictures, or where
 *   these are in a bucket
 * @throws {NotFound} as `checkDataset`
 * @throws {UsageError} a named data set is asked for in another form than its images have
 * @throws {UserError} its images cannot be fetched or read
 */
export async function openDataset(where: string, options: LoadOptions = {}): Promise<Dataset> {
  const isPublished = isNamed(checkDataset(where));
  if (isPacked(where)) return openPacked(where, options);
  if (!isPublished && !(await hasFashionMnist(where))) {
    const data = await loadPictures(where, options);
    // By its name a model finds its data set again.
    return isNamed(data.name) ? { ...data, name: `${data.name}-pictures` } : data;
  }
  checkPublishedForm(where, options.image);
  return isPublished ? loaders[where]!(options) : loadFashionMnistFrom(where, options);
}

/** @throws {UsageError} a published data set is asked for in another form than its images have */
export function checkPublishedForm(where: string, image: ImageForm = defaultForm): void {
  if (isDeepStrictEqual(image, defaultForm)) return;
  throw new UsageError(
    `The images of ${where} have 32x32 pixels, so they cannot be used with imageSize=${image.size} and fit=${image.fit}. ` +
      'Set imageSize=32 and fit=crop, or give pictures of your own with --data.',
  );
}
