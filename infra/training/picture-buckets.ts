/**
 * Checks the names of other buckets whose pictures jobs may classify, and leaves out those that are given twice.
 *
 * @param buckets names, not addresses
 * @throws {Error} one is no name of a bucket
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
export function checkPictureBuckets(buckets: readonly string[]): readonly string[] {
  for (const bucket of buckets) {
    if (/^(?=.{3,63}$)[a-z0-9](?:[a-z0-9-]|\.(?=[a-z0-9]))*[a-z0-9]$/.test(bucket)) continue;
    throw new Error(
      `${JSON.stringify(bucket)} is not the name of a bucket. Give the name alone, such as my-photos: without s3:// and without a prefix.`,
    );
  }
  return [...new Set(buckets)];
}
