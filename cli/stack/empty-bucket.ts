import {
  DeleteObjectsCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { UserError } from '#errors/user-error.ts';

/**
 * Deletes every object of the bucket with all of its versions. This cannot be undone.
 *
 * @param report is called with the number of versions deleted so far
 * @returns the number of deleted versions
 * @throws {UserError} S3 refuses to delete one of them
 */
export async function emptyBucket(
  s3: S3Client,
  bucket: string,
  report: (deleted: number) => void = () => {},
): Promise<number> {
  let deleted = 0;
  // Lists from the start each time: what was listed before is deleted.
  for (;;) {
    const page: ListObjectVersionsCommandOutput = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
    const Objects = found.flatMap(({ Key, VersionId }) => (Key === undefined ? [] : [{ Key, VersionId }]));
    if (Objects.length === 0) return deleted;
    const { Errors } = await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
    const [error] = Errors ?? [];
    if (error) throw new UserError(`${error.Key} in ${bucket} cannot be deleted: ${error.Message}`);
    deleted += Objects.length;
    report(deleted);
  }
}
