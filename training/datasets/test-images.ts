import { isDeepStrictEqual } from 'node:util';
import { UserError } from '#errors/user-error.ts';
import type { Card } from '#models/card.ts';
import { type Dataset, defaultForm } from '../data/dataset.ts';
import { isNamed, openDataset } from './open-dataset.ts';
import { rememberedPlace } from './pictures/places.ts';

interface TestImagesOptions {
  /** A data set as `--data` takes it, with the same classes and size of images. @default the one that the model was trained on */
  readonly name?: string | undefined;
  /** What the pictures become, for another model that is to be measured on them. @default the input of the card's model */
  readonly input?: Card['input'];
}

/**
 * Opens a data set to measure a model on its test images.
 *
 * @throws {NotFound} there is no such data set
 * @throws {UserError} the model knows other classes, or takes images of another size
 */
export async function openTestImages(
  card: Pick<Card, 'name' | 'classes' | 'input' | 'data'>,
  { name, input = card.input }: TestImagesOptions = {},
): Promise<Dataset> {
  const where = name ?? (isNamed(card.name) ? card.name : await placeOf(card));
  const { height: size, fit = defaultForm.fit } = input;
  const data = await openDataset(where, {
    log: (line) => process.stderr.write(`${line}\n`),
    ...(!isNamed(where) && { image: { size, fit } }),
  });
  checkFits({ classes: card.classes, input }, data);
  return data;
}

/** @throws {UserError} this machine has never seen the pictures that the model was trained on */
async function placeOf({ data }: Pick<Card, 'data'>): Promise<string> {
  const place = await rememberedPlace(data.sha256.test ?? '');
  if (place !== undefined) return place;
  throw new UserError(
    `The model was trained on the pictures of ${data.name}, which were never loaded on this machine. ` +
      `Copy them here, and run "./cifar10 evaluate --data" with their folder or table once.`,
  );
}

/** @throws {UserError} the model knows other classes than the data set has, or takes images of another size */
function checkFits({ classes, input }: Pick<Card, 'classes' | 'input'>, data: Dataset): void {
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
