import { UsageError } from '#errors/user-error.ts';
import type { Dataset, LoadOptions } from '../data/dataset.ts';
import { loadCifar10 } from './cifar10/cifar10.ts';

/** Every data set, by the name that `--data` takes. A new one is a folder beside this file and a line here. */
const loaders: Readonly<Record<string, (options: LoadOptions) => Promise<Dataset>>> = {
  cifar10: loadCifar10,
};

/** @throws {UsageError} there is no data set of this name */
export function checkDataset(name: string): string {
  if (Object.hasOwn(loaders, name)) return name;
  throw new UsageError(`There is no data set "${name}". --data takes ${Object.keys(loaders).join(', ')}.`);
}

/**
 * @param name as `--data` takes it
 * @throws {UsageError} there is no data set of this name
 * @throws {UserError} its images cannot be fetched, or are damaged
 */
export async function openDataset(name: string, options: LoadOptions = {}): Promise<Dataset> {
  return loaders[checkDataset(name)]!(options);
}
