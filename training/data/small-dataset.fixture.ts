import { loadCifar10 } from '../datasets/cifar10/cifar10.ts';
import { type Dataset, slice } from './dataset.ts';

/** The first images of CIFAR-10: real images, small enough for a run in a second. */
export async function smallDataset(train = 640, test = 130): Promise<Dataset> {
  const cifar10 = await loadCifar10();
  return { ...cifar10, train: slice(cifar10.train, 0, train), test: slice(cifar10.test, 0, test) };
}
