import { stat } from 'node:fs/promises';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { systemError } from '#errors/system-error.ts';
import { NotFound, UsageError } from '#errors/user-error.ts';
import { folderStore } from './folder-store.ts';
import type { ObjectStore } from './object-store.ts';

/** S3's rules for bucket names, so that a typo is found before a request is sent. */
const BUCKET = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/?$/;

/**
 * @param url `s3://<bucket>`, or the path of a folder, which need not exist yet
 * @param clientConfig for a bucket. @default the standard AWS environment
 * @throws {UsageError} the URL is neither. @throws {NotFound} no folder can be at this path
 */
export async function openObjectStore(url: string, clientConfig: S3ClientConfig = {}): Promise<ObjectStore> {
  if (!url.includes('://') && url !== '') {
    await checkFolder(url);
    return folderStore(url);
  }
  const bucket = BUCKET.exec(url)?.[1];
  if (bucket === undefined) {
    throw new UsageError(`${JSON.stringify(url)} is not a store. Give a folder, or a whole bucket as s3://<bucket>.`);
  }
  const { s3Store } = await import('./s3-store.ts'); // Its client takes longer to load than a folder to read.
  return s3Store(bucket, clientConfig);
}

/** A store that is unavailable for a while is no matter of its path. */
async function checkFolder(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (error) {
    const problem = systemError(error);
    if (problem instanceof NotFound && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw problem;
    return;
  }
  throw new UsageError(`${path} is a file, and a store is a folder. Give a folder, or a bucket as s3://<bucket>.`);
}
