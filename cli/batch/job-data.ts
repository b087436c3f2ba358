import { packedAddress, readPackedData } from '#models/packed-data.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { LoadOptions } from '#training/data/dataset.ts';
import { checkPublishedForm, openDataset } from '#training/datasets/open-dataset.ts';
import { packDataset } from '#training/datasets/packed/pack-dataset.ts';
import type { Recipe } from '#training/recipe/recipes.ts';

/**
 * Sees to it that a job finds the images that it trains on: a job sees nothing of this machine, and its role may read the
 * stack's bucket only. They are opened and checked here as for training here, and put into the bucket, unless they are there.
 *
 * @param where as `--data` takes it
 * @returns what the job is given for `--data`: `s3://<bucket>/data/<name>/<sha256>`, or the name of CIFAR-10, which jobs fetch
 *   themselves
 * @throws {UserError} as `openDataset`; nothing was put
 */
export async function addressForJob(
  store: ObjectStore,
  where: string,
  { imageSize: size, fit }: Pick<Recipe, 'imageSize' | 'fit'>,
  options: Pick<LoadOptions, 'log' | 'onBad' | 'progress' | 'signal'>,
): Promise<string> {
  const image = { size, fit };
  if (where === 'cifar10') {
    checkPublishedForm(where, image);
    return where;
  }
  const packed = packedAddress(where);
  if (packed?.store === store.url) {
    await readPackedData(store, packed.folder);
    return where;
  }
  const folder = await packDataset(store, await openDataset(where, { ...options, image }), { ...options, image });
  return `${store.url}/${folder}`;
}
