import { UsageError, UserError } from '#errors/user-error.ts';
import { kindsOf } from '../data/augmentation.ts';
import type { Dataset, Split } from '../data/dataset.ts';
import { heldOutIndices } from '../data/hold-out.ts';
import type { ImageSet } from '../data/image-set.ts';
import { InvalidNet, resizedNet } from '../nets/shapes.ts';
import { checkSettings } from '../recipe/check-settings.ts';
import { netOf, type Recipe } from '../recipe/recipes.ts';
import { reducedSides } from '../recipe/resolutions.ts';
import { checkEngine, isNative } from './choose-engine.ts';
import { netFor, type OpenedParent, weightsFor } from './parent.ts';

interface RunToCheck {
  readonly settings: Recipe;
  readonly data: Dataset;
  readonly from?: OpenedParent | undefined;
  readonly seed: number;
}

/**
 * Finds what would fail later, before anything is written.
 *
 * @throws {UsageError} the recipe does not fit the data, the engine or the parent
 * @throws {UserError} a label is out of range, native TensorFlow is not installed, or a step needs too much memory
 */
export async function checkRun({ settings, data, from, seed }: RunToCheck): Promise<void> {
  checkRecipe(settings, data);
  checkLabels(data, settings.heldOut);
  const net = netFor(settings, data.images, from);
  await checkEngine(settings, net);
  if (from) weightsFor(net, from, { classes: data.classes, seed });
}

/** @throws {UsageError} the recipe leaves no batch to train on or nothing to choose by, or its engine cannot do it */
export function checkRecipe(
  settings: Recipe,
  { title, train, images }: Pick<Dataset, 'title' | 'images'> & { readonly train: Pick<Split, 'count'> },
): void {
  const { heldOut, batchSize, engine, precision, batchPreparation, translate } = settings;
  if (!isNative(engine)) {
    const native = 'takes native TensorFlow, and this run is on WebAssembly. Set';
    if (precision !== 'auto' && precision !== 'float32')
      throw new UsageError(`precision=${precision} ${native} precision=auto.`);
    if (batchPreparation === 'graph') throw new UsageError(`batchPreparation=graph ${native} batchPreparation=worker.`);
  }
  checkSettings(settings);
  const [height, width, channels] = images.size;
  if (translate >= Math.min(height, width)) {
    throw new UsageError(`translate=${translate} moves images of ${height}x${width} out of sight. Set it lower.`);
  }
  checkResolutions(settings, images);
  if (kindsOf(settings).isRecolored && channels !== 3) {
    throw new UsageError(
      `${title} has images of ${channels} channels, and colorJitter and randAugment change red, green and blue. ` +
        'Set colorJitter=0,0,0,0 and randAugment=0,0.',
    );
  }
  if (heldOut + batchSize <= train.count) return;
  throw new UsageError(
    `${title} has ${train.count} training images: heldOut=${heldOut} leaves no batch of batchSize=${batchSize}. ` +
      'Set one of them lower.',
  );
}

/** @throws {UsageError} the net does not fit smaller images */
function checkResolutions(settings: Recipe, images: ImageSet): void {
  for (const side of reducedSides(settings, images.size[0])) {
    try {
      resizedNet(netOf(settings, images), side);
    } catch (error) {
      if (!(error instanceof InvalidNet)) throw error;
      const sizes = `resolutions=${settings.resolutions} reduces images to ${side}x${side}`;
      const message = `${sizes}, which the net does not fit. ${error.message} Set resolutions=whole, or net=airbench.`;
      throw new UsageError(message, { cause: error });
    }
  }
}

/** @throws {UserError} a label is not one of the classes; the message names its image */
function checkLabels(data: Dataset, heldOut: number): void {
  const { classes } = data.images;
  for (const split of ['train', 'test'] as const) {
    const { labels } = data[split];
    const image = labels.findIndex((label) => label >= classes);
    if (image < 0) continue;
    const isHeldOut = split === 'train' && heldOutIndices(data, heldOut).includes(image);
    throw new UserError(
      `${data.title} has the label ${labels[image]} at ${split === 'train' ? 'training' : 'test'} image ${image}` +
        `${isHeldOut ? ', which is held out' : ''}. Its ${classes} classes are numbered from 0 to ${classes - 1}: ` +
        'correct the data set.',
    );
  }
}
