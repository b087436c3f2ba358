import type { Dataset, Split } from '../data/dataset.ts';
import { CIFAR10_IMAGES, type Recipe } from './recipes.ts';

/** Batches that an epoch should have at least, as long as none has fewer images than the other number. */
const BATCHES = 8;
const SMALLEST_BATCH = 8;

/**
 * The settings that a recipe should have for a data set of another size: what it holds out itself, smaller batches for few
 * images, and more epochs, so that about as many steps are taken.
 *
 * @returns changes as `--set` takes them; none for a data set that leaves it to the recipe what is held out
 */
export function settingsFor(
  { train, heldOut }: Pick<Dataset, 'heldOut'> & { readonly train: Pick<Split, 'count'> },
  recipe: Recipe,
): string[] {
  if (heldOut === undefined) return [];
  const images = train.count - heldOut;
  const share = Math.max(SMALLEST_BATCH, 2 ** Math.floor(Math.log2(images / BATCHES)));
  const batchSize = Math.min(recipe.batchSize, images, share);
  const epochs = recipe.epochs * Math.max(1, (CIFAR10_IMAGES / images) ** 0.5);
  return [`heldOut=${heldOut}`, `batchSize=${batchSize}`, `epochs=${Number(epochs.toPrecision(3))}`];
}
