import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import type { Card } from '#models/card.ts';
import { type Dataset, defaultForm, type LoadOptions } from '../data/dataset.ts';
import { channelStatistics } from '../data/image-set.ts';
import type { Labels } from '../data/labels.ts';
import { withPictures } from './pictures/import-pictures.ts';
import { listPictures } from './pictures/list-pictures.ts';
import { rememberedPlace } from './pictures/places.ts';

/** Classes that a message names. */
const NAMED = 20;

/**
 * Opens a person's own labelled pictures to measure a model on them: those of the test split where the place has one, else all.
 * They may be of some of the model's classes only. A picture that cannot be read is left out, and counted in the log.
 *
 * @param place a folder with a folder for each class, or a `.csv` or `.jsonl` table
 * @returns a data set of the model's classes, whose test images are the pictures, and that has no others
 * @throws {UserError} it has a class that the model does not know, or no picture that can be read
 */
export async function openLabelledPictures(
  place: string,
  { classes, input, data }: Pick<Card, 'classes' | 'input' | 'data'>,
  options: LoadOptions = {},
): Promise<Dataset> {
  const { log = () => {} } = options;
  const listing = await listPictures(place, { fewestClasses: 1 });
  const unknown = listing.classes.filter((name) => !classes.includes(name));
  if (unknown.length > 0) {
    const known = `${classes.slice(0, NAMED).join(', ')}${classes.length > NAMED ? ` and ${classes.length - NAMED} more` : ''}`;
    throw new UserError(
      `${place} has ${unknown.length === 1 ? 'the class' : 'classes'} ${unknown.slice(0, NAMED).join(', ')}, and the model knows ${known}. ` +
        'Name the folders or labels as the model does, or leave those pictures out.',
    );
  }
  if ((await rememberedPlace(data.sha256.test ?? '')) === resolve(place)) {
    log(`The model was trained on some of these pictures: "--data ${place}" measures it on the others alone.`);
  }
  const tested = listing.pictures.filter(({ split }) => split === 'test');
  const pictures = tested.length > 0 ? tested : listing.pictures;
  if (tested.length > 0) log(`${place} has a test split: its ${tested.length} pictures are measured on.`);
  const { height: size, fit = defaultForm.fit } = input;
  const bytes = 3 * size * size;
  return withPictures({ ...listing, pictures }, { size, fit }, options, async (packed, pack) => {
    const images = new Uint8Array(pictures.length * bytes);
    const labels: number[] = [];
    const broken: string[] = [];
    for (const [index, { path, label }] of pictures.entries()) {
      const found = packed[index]!;
      const place = images.subarray(labels.length * bytes, (labels.length + 1) * bytes);
      if ('problem' in found) broken.push(`${path} ${found.problem}`);
      else if (!(await pack.read(found, place))) throw damaged(path, () => pack.forget(found.at));
      else labels.push(classes.indexOf(listing.classes[label]!));
    }
    if (broken.length > 0) log(`${broken.length} of ${pictures.length} pictures are left out: ${broken[0]}`);
    if (labels.length === 0) throw new UserError(`No picture of ${place} can be read. The first, ${broken[0]}`);
    const read = images.subarray(0, labels.length * bytes);
    const test = { count: labels.length, images: read, labels: labelsOf(labels, classes.length) };
    return {
      ...{ name: 'pictures', title: listing.title, classes },
      sha256: { train: '', test: createHash('sha256').update(test.labels).update(read).digest('hex') },
      images: { size: [size, size, 3], classes: classes.length, ...channelStatistics(read, 3) },
      ...{ train: { count: 0, images: new Uint8Array(0), labels: labelsOf([], classes.length) }, test },
    };
  });
}

function labelsOf(labels: readonly number[], classes: number): Labels {
  return classes > 256 ? Uint16Array.from(labels) : Uint8Array.from(labels);
}

function damaged(path: string, forget: () => void): UserError {
  forget();
  return new UserError(
    `The cached pixels of ${path} are damaged. Check the disk, and run the command again: they are made anew.`,
  );
}
