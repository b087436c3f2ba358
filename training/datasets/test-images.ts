import { isDeepStrictEqual } from 'node:util';
import { UserError } from '#errors/user-error.ts';
import type { Card } from '#models/card.ts';
import { findPackedData } from '#models/packed-data.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { type Dataset, defaultForm, type LoadOptions } from '../data/dataset.ts';
import { isNamed, openDataset } from './open-dataset.ts';
import { loadPacked } from './packed/open-packed.ts';
import { rememberedPlace } from './pictures/places.ts';

interface TestImagesOptions {
  /** A data set as `--data` takes it, with the same classes and size of images. @default the one that the model was trained on */
  readonly name?: string | undefined;
  /** Where the model is stored: the pictures of a training job are there, too. @default they are looked for on this machine only */
  readonly store?: ObjectStore | undefined;
  /** What the pictures become, for another model that is to be measured on them. @default the input of the card's model */
  readonly input?: Card['input'];
}

/**
 * Opens a data set to measure a model on its test images: by the name of the data set, or where its pictures were loaded on this
 * machine, or as a training job packed them.
 *
 * @throws {NotFound} there is no such data set
 * @throws {UserError} the model knows other classes, or takes images of another size
 */
export async function openTestImages(
  card: Pick<Card, 'name' | 'classes' | 'input' | 'data'>,
  { name, store, input = card.input }: TestImagesOptions = {},
): Promise<Dataset> {
  const { height: size, fit = defaultForm.fit } = input;
  const options = { image: { size, fit }, log: (line: string) => void process.stderr.write(`${line}\n`) };
  const data = name === undefined ? await openOwn(card, store, options) : await open(name, options);
  checkFits({ classes: card.classes, input }, data);
  return data;
}

function open(
  where: string,
  { image, ...options }: LoadOptions & Required<Pick<LoadOptions, 'image'>>,
): Promise<Dataset> {
  return openDataset(where, { ...options, ...(!isNamed(where) && { image }) });
}

/** @throws {UserError} the images that the model was trained on are neither on this machine nor in the store */
async function openOwn(
  card: Pick<Card, 'name' | 'data' | 'input'>,
  store: ObjectStore | undefined,
  options: Parameters<typeof open>[1],
): Promise<Dataset> {
  const { name, sha256 } = card.data;
  const packed = async () => {
    const folder = store && (await findPackedData(store, { name: card.name, sha256 }));
    return folder === undefined ? undefined : loadPacked(store!, folder, options);
  };
  const place = isNamed(card.name) ? card.name : await rememberedPlace(sha256.test ?? '');
  try {
    if (place === undefined) {
      throw new UserError(
        `The model was trained on the pictures of ${name}, which were never loaded on this machine. ` +
          `Copy them here, and run "./cifar10 evaluate --data" with their folder or table once.`,
      );
    }
    const data = await open(place, options);
    // Pictures were added since, or removed; or they are wanted in another form, which a packed set does not have.
    const { height, fit = defaultForm.fit } = card.input;
    const isOwnForm = isDeepStrictEqual(options.image, { size: height, fit });
    const isOther = isOwnForm && data.sha256.test !== sha256.test;
    return (isOther && (await packed())) || data;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const data = await packed();
    if (data === undefined) throw error;
    return data;
  }
}

/** @throws {UserError} the model knows other classes than the data set has, or takes images of another size */
function checkFits({ classes, input }: Pick<Card, 'classes' | 'input'>, data: Dataset): void {
  if (!isDeepStrictEqual(classes, [...data.classes])) {
    throw new UserError(
      `The model knows ${named(classes)}; ${data.title} has ${named(data.classes)}. So its test images cannot measure the model.`,
    );
  }
  const size = [input.height, input.width, input.channels];
  if (!isDeepStrictEqual(size, [...data.images.size])) {
    throw new UserError(
      `The model takes images of ${size.join('x')}; ${data.title} has ${data.images.size.join('x')}.`,
    );
  }
}

/** How many names a message has. */
const NAMES = 10;

function named(classes: readonly string[]): string {
  const others = classes.length - NAMES;
  return others > 0 ? `${classes.slice(0, NAMES).join(', ')} and ${others} more` : classes.join(', ');
}
