import { cifar10Data } from '#models/data-identity.ts';
import { readPackedData } from '#models/packed-data.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { Dataset, LoadOptions } from '#training/data/dataset.ts';
import { cifar10Images } from '#training/data/image-set.ts';
import { cifar10Classes } from '#training/datasets/cifar10/cifar10.ts';
import type { Recipe } from '#training/recipe/recipes.ts';
import { addressForJob } from '../batch/job-data.ts';

/** What of a data set decides how runs on it begin: all but the images. */
export interface KnownData extends Omit<Dataset, 'train' | 'test' | 'heldOutImages'> {
  /** For the runs of a plan: `cifar10`, or the folder in the plan's store. */
  readonly address: string;
  readonly train: { readonly count: number };
}

/**
 * Puts the images that a sweep trains on into its store, unless they are there: every machine finds them by the same address.
 *
 * @param where as `train --data` takes it
 * @throws {UserError} as `openDataset`; nothing was put
 */
export async function packForRuns(
  store: ObjectStore,
  where: string,
  settings: Pick<Recipe, 'imageSize' | 'fit'>,
  options: Pick<LoadOptions, 'log' | 'onBad' | 'progress' | 'signal'>,
): Promise<KnownData> {
  const address = await addressForJob(store, where, settings, options);
  return readKnownData(store, address === 'cifar10' ? address : address.slice(store.url.length + 1));
}

/** @param address of an item of a plan */
export async function readKnownData(store: ObjectStore, address: string): Promise<KnownData> {
  if (address === 'cifar10') {
    const [title, classes] = ['CIFAR-10', cifar10Classes];
    return { address, ...cifar10Data, title, classes, images: cifar10Images, train: { count: 50_000 } };
  }
  const { name, sha256, title, classes, images, heldOut, train } = await readPackedData(store, address);
  return {
    ...{ address, name, sha256, title, classes, train },
    images: { ...images, classes: classes.length },
    ...(heldOut !== undefined && { heldOut }),
  };
}
