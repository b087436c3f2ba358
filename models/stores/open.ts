import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { UsageError } from '#errors/user-error.ts';
import { folderStore } from './folder-store.ts';
import type { ObjectStore } from './object-store.ts';

/** S3's rules for bucket names, so that a typo is found before a request is sent. */
const BUCKET = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/?$/;

/**
 * @param url `s3://<bucket>`, or the path of a folder, which need not exist yet
 * @param clientConfig for a bucket. @default the standard AWS environment
 * @throws {UsageError} the URL is neither
 */
export async function openObjectStore(url: string, clientConfig: S3ClientConfig = {}): Promise<ObjectStore> {
  if (!url.includes('://') && url !== '') return folderStore(url);
  const bucket = BUCKET.exec(url)?.[1];
  if (bucket === undefined) {
    throw new UsageError(`${JSON.stringify(url)} is not a store. Give a folder, or a whole bucket as s3://<bucket>.`);
  }
  const { s3Store } = await import('./s3-store.ts'); // Its client takes longer to load than a folder to read.
  return s3Store(bucket, clientConfig);
}
