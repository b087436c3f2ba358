import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { UsageError } from '#errors/user-error.ts';
import { folderStore } from './folder-store.ts';
import type { ObjectStore } from './object-store.ts';

/** The rules for a bucket's name, so that a typo is found before a request is sent. */
const BUCKET = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/?$/;

/**
 * @param url `s3://<bucket>`, or the path of a folder, which need not exist yet
 * @param clientConfig for a bucket. @default what the standard AWS environment says
 * @throws {UsageError} it is neither
 */
export async function openObjectStore(url: string, clientConfig: S3ClientConfig = {}): Promise<ObjectStore> {
  if (!url.includes('://') && url !== '') return folderStore(url);
  const bucket = BUCKET.exec(url)?.[1];
  if (bucket === undefined) {
    throw new UsageError(`${JSON.stringify(url)} is no store. Give a folder, or a whole bucket as s3://<bucket>.`);
  }
  const { s3Store } = await import('./s3-store.ts'); // Its client takes longer to load than a folder to read.
  return s3Store(bucket, clientConfig);
}
