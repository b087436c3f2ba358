import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import { listFolder } from './folder-listing.ts';
import { type Listing, MOST_CLASSES } from './listing.ts';
import { listTable } from './table-listing.ts';

interface ListOptions {
  /** A net that knows one class knows nothing; to measure one on a single class makes sense. @default 2 */
  readonly fewestClasses?: number;
}

/**
 * Lists the pictures of a folder or of a table.
 *
 * @throws {NotFound} there is no such path @throws {UserError} it is neither, or has too few classes or too many
 */
export async function listPictures(place: string, { fewestClasses = 2 }: ListOptions = {}): Promise<Listing> {
  const found = await stat(place).catch((error: unknown) => {
    throw systemError(error, place) ?? error;
  });
  if (!found.isDirectory() && !/^\.(csv|jsonl)$/i.test(extname(place))) {
    throw new UserError(
      `${place} is no data set. Give a folder that has one folder for each class, or a .csv or .jsonl table.`,
    );
  }
  const listing = found.isDirectory() ? await listFolder(place) : await listTable(place);
  const { classes } = listing;
  if (classes.length < fewestClasses) {
    throw new UserError(
      `${place} has one class, "${classes[0]}". Telling things apart takes two: add a folder or rows for what is not one.`,
    );
  }
  if (classes.length > MOST_CLASSES) {
    throw new UserError(
      `${place} has ${classes.length} classes; at most ${MOST_CLASSES} can be told apart here. Join some.`,
    );
  }
  return listing;
}
