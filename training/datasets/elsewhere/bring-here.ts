import { readdir } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import type { LoadOptions } from '../../data/dataset.ts';
import { archiveTitle, isArchive, openArchive } from './archive.ts';
import { type BucketPlace, bringObject, bringObjects, bucketPlace, isInBucket } from './bucket.ts';
import { findSet } from './find-set.ts';

/** A data set on this machine. */
export interface HerePlace {
  /** Of a folder or a table. */
  readonly path: string;
  /** What people call it: the place that they gave. */
  readonly shown: string;
  /** The name of the data set, where the path does not have it. */
  readonly title?: string;
}

/** Whether `--data` was given something that is not a folder or table of this machine, but can be brought here. */
export function isElsewhere(place: string): boolean {
  return isInBucket(place) || isArchive(place);
}

/**
 * Brings a data set that is elsewhere to this machine, into the cache: what is in a bucket is downloaded, archives are unpacked.
 * From there on it is a folder or a table as any other.
 *
 * @param place a folder, a table, an archive of either, or `s3://<bucket>/<prefix>` with any of these
 * @param pathsOf lists the pictures of a table
 * @throws {UserError} it cannot be fetched or unpacked
 */
export async function bringHere(
  place: string,
  pathsOf: (table: string) => Promise<readonly string[]>,
  options: Pick<LoadOptions, 'progress' | 'signal'> = {},
): Promise<HerePlace> {
  if (!isElsewhere(place)) return { path: place, shown: place };
  if (!isInBucket(place)) {
    const path = await findSet(await openArchive(place, options), place);
    return { path, shown: place, title: archiveTitle(resolve(place)) };
  }
  const there = bucketPlace(place);
  const title = titleOf(there);
  if (isArchive(place)) {
    const file = await bringObject(there, options);
    return { path: await findSet(await openArchive(file, { ...options, shown: place }), place), shown: place, title };
  }
  if (isTable(place)) return { path: await bringTable(there, pathsOf, options), shown: place, title };
  const folder = await bringObjects(there, options);
  const [only, ...others] = await readdir(folder);
  if (only !== undefined && others.length === 0 && isArchive(only)) {
    const shown = `${place.replace(/\/+$/, '')}/${only}`;
    const path = await findSet(await openArchive(join(folder, only), { ...options, shown }), shown);
    return { path, shown, title: archiveTitle(only) };
  }
  return { path: await findSet(folder, place), shown: place, title };
}

/** The table, and the pictures that it names. */
async function bringTable(
  { bucket, key }: BucketPlace,
  pathsOf: (table: string) => Promise<readonly string[]>,
  options: Pick<LoadOptions, 'progress' | 'signal'>,
): Promise<string> {
  const name = basename(key);
  const wanted = new Set(await pathsOf(await bringObject({ bucket, key }, options)));
  const parent = { bucket, key: key.slice(0, Math.max(0, key.length - name.length - 1)) };
  const folder = await bringObjects(parent, { ...options, wants: (path) => path === name || wanted.has(path) });
  return join(folder, name);
}

function titleOf({ bucket, key }: BucketPlace): string {
  const name = basename(key) || bucket;
  return isArchive(name) ? archiveTitle(name) : isTable(name) ? basename(name, extname(name)) : name;
}

function isTable(place: string): boolean {
  return /\.(csv|jsonl)$/i.test(place);
}
