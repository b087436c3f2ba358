import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import type { LoadOptions } from '../../data/dataset.ts';
import { bringHere } from '../elsewhere/bring-here.ts';
import { listFolder } from './folder-listing.ts';
import { type Listing, MOST_CLASSES } from './listing.ts';
import { listTable } from './table-listing.ts';

interface ListOptions extends Pick<LoadOptions, 'progress' | 'signal'> {
  /** A net that knows one class knows nothing; to measure one on a single class makes sense. @default 2 */
  readonly fewestClasses?: number;
}

/**
 * Lists the pictures of a folder or of a table, of an archive of one, or of a part of a bucket that has one, once that is on this
 * machine.
 *
 * @throws {NotFound} there is no such path @throws {UserError} it is none of these, or has too few classes or too many
 */
export async function listPictures(
  place: string,
  { fewestClasses = 2, ...options }: ListOptions = {},
): Promise<Listing> {
  const pathsOf = async (table: string) => (await listTable(table)).pictures.map(({ path }) => path);
  const { path, shown, title } = await bringHere(place, pathsOf, options);
  const found = await stat(path).catch((error: unknown) => {
    throw systemError(error, shown) ?? error;
  });
  if (!found.isDirectory() && !/^\.(csv|jsonl)$/i.test(extname(path))) {
    throw new UserError(
      `${shown} is no data set. Give a folder that has one folder for each class, a .csv or .jsonl table, or a .zip, .tar or .tar.gz of either.`,
    );
  }
  const listing = found.isDirectory() ? await listFolder(path, shown) : await listTable(path, shown);
  const { classes } = listing;
  if (classes.length < fewestClasses) {
    throw new UserError(
      `${shown} has one class, "${classes[0]}". Telling things apart takes two: add a folder or rows for what is not one.`,
    );
  }
  if (classes.length > MOST_CLASSES) {
    throw new UserError(
      `${shown} has ${classes.length} classes; at most ${MOST_CLASSES} can be told apart here. Join some.`,
    );
  }
  return title === undefined ? listing : { ...listing, title };
}
