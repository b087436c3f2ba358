import { stat } from 'node:fs/promises';
import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { NotFound, UserError } from '#errors/user-error.ts';
import { fileTag } from '#jobs/pictures/file-reader.ts';
import { megabytes } from '#jobs/pictures/too-large.ts';
import type { ListedPicture } from '#models/plans/classify-result.ts';
import type { BucketPlace } from '#training/datasets/elsewhere/bucket.ts';
import { findPictures, hasPictureEnding, type Passed } from '../find-pictures.ts';
import { explainBucket } from './explain-bucket.ts';

/**
 * The pictures below a prefix, by their names, in the order of the keys. Memory holds a page of the list.
 *
 * @param passed counts the objects that are no pictures
 * @throws {UserError} there are none; the bucket does not exist, is in another region, or may not be listed
 */
export async function* listBucket(
  client: S3Client,
  { bucket, key: prefix }: BucketPlace,
  passed: Passed,
): AsyncGenerator<ListedPicture> {
  const shown = `s3://${bucket}${prefix && `/${prefix}`}`;
  const below = prefix === '' ? '' : `${prefix}/`;
  let isEmpty = true;
  try {
    // In XML a key cannot have control characters as they are.
    const asked = { Bucket: bucket, Prefix: prefix, EncodingType: 'url' } as const;
    for await (const page of paginateListObjectsV2({ client }, asked)) {
      for (const { Key: encoded = '', Size = 0, ETag = '' } of page.Contents ?? []) {
        const Key = page.EncodingType === 'url' ? decodeURIComponent(encoded.replaceAll('+', ' ')) : encoded;
        // Beside `photos/` the prefix `photos` has `photos-old/`; consoles make empty objects for folders.
        if (!(Key === prefix || Key.startsWith(below)) || Key.endsWith('/')) continue;
        const path = Key === prefix ? Key.slice(Key.lastIndexOf('/') + 1) : Key.slice(below.length);
        if (!hasPictureEnding(path) || isHidden(path)) {
          passed.others++;
          continue;
        }
        isEmpty = false;
        yield { file: `s3://${bucket}/${Key}`, etag: ETag, size: Size };
      }
    }
  } catch (error) {
    throw await explainBucket(error, { client, bucket, action: 'listed' });
  }
  if (!isEmpty) return;
  throw new NotFound(
    passed.others === 0
      ? `${shown} has no objects. Check the prefix: "aws s3 ls s3://${bucket}/" shows what there is.`
      : `${shown} has no pictures: none of its ${passed.others.toLocaleString('en')} objects has a name such as photo.jpg. Give another prefix, or name them in a --list.`,
  );
}

/** As in a folder: what an operating system leaves among pictures. */
function isHidden(path: string): boolean {
  return path.split('/').some((part) => part.startsWith('.') || part === '__MACOSX');
}

/**
 * The pictures of a folder, in the order of `classify <folder>`.
 *
 * @throws {UserError} there is no such folder, or it has no pictures
 */
export async function* listFolder(folder: string, passed: Passed): AsyncGenerator<ListedPicture> {
  for await (const { file, problem } of findPictures([folder], passed)) {
    if (problem !== undefined && file === folder) throw problem;
    yield await listFile(file);
  }
}

/** A file, as it is now. */
export async function listFile(file: string): Promise<ListedPicture> {
  const stats = await stat(file).catch(() => undefined);
  return stats?.isFile() ? { file, etag: fileTag(stats), size: stats.size } : { file, size: 0 };
}

/**
 * Passes pictures on that a child can hold.
 *
 * @throws {UserError} one is too large
 */
export async function* checkSizes(pictures: AsyncIterable<ListedPicture>, most: number): AsyncGenerator<ListedPicture> {
  for await (const picture of pictures) {
    if (picture.size > most) {
      throw new UserError(
        `${picture.file} has ${megabytes(picture.size)}, and a child holds pictures of at most ${megabytes(most)}. Scale it down or move ` +
          'it away, or name the others in a --list.',
      );
    }
    yield picture;
  }
}
