import { isDeepStrictEqual } from 'node:util';
import { UserError } from '#errors/user-error.ts';
import type { Card } from '#models/card.ts';
import type { Dataset } from '../data/dataset.ts';
import { openDataset } from './open-dataset.ts';

interface TestImagesOptions {
  /** A data set by name, with the same classes and size of images. @default the one that the model was trained on */
  readonly name?: string | undefined;
}

/**
 * Opens a data set to measure a model on its test images.
 *
 * @throws {UsageError} there is no data set of this name
 * @throws {UserError} the model knows other classes, or takes images of another size
 */
export async function openTestImages(
  card: Pick<Card, 'name' | 'classes' | 'input'>,
  { name = card.name }: TestImagesOptions = {},
): Promise<Dataset> {
  const data = await openDataset(name, { log: (line) => process.stderr.write(`${line}\n`) });
  checkFits(card, data);
  return data;
}

/** @throws {UserError} the model knows other classes than the data set has, or takes images of another size */
export function checkFits({ classes, input }: Pick<Card, 'classes' | 'input'>, data: Dataset): void {
  if (!isDeepStrictEqual(classes, [...data.classes])) {
    throw new UserError(
      `The model knows ${classes.join(', ')}. ${data.title} has other classes, so its test images cannot measure it.`,
    );
  }
  const size = [input.height, input.width, input.channels];
  if (!isDeepStrictEqual(size, [...data.images.size])) {
    throw new UserError(
      `The model takes images of ${size.join('x')}; ${data.title} has ${data.images.size.join('x')}.`,
    );
  }
}
