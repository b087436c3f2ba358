import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { UserError } from '#errors/user-error.ts';
import { explained, isStatus } from '#models/stores/s3-client.ts';

interface Asked {
  readonly client: S3Client;
  readonly bucket: string;
  /** What was refused, such as `listed`. */
  readonly action: string;
}

/** Why a bucket with pictures cannot be used, and what to do. Errors that a person cannot fix are returned unchanged. */
export async function explainBucket(error: unknown, { client, bucket, action }: Asked): Promise<unknown> {
  if (!(error instanceof S3ServiceException)) return explained(error, bucket);
  if (error.name === 'NoSuchBucket') {
    return new UserError(`s3://${bucket} does not exist. Check the name: "aws s3 ls" shows your buckets.`, {
      cause: error,
    });
  }
  const region = regionOf(error);
  if (region !== undefined) {
    return new UserError(
      `s3://${bucket} is in ${region}, and this region is ${await client.config.region()}: jobs read pictures of their own region. Copy ` +
        `them to a bucket here, or deploy the stack there with "AWS_REGION=${region} ./cifar10 deploy --target aws".`,
      { cause: error },
    );
  }
  if (isStatus(error, 403)) {
    return new UserError(
      `s3://${bucket} may not be ${action} (${error.name}). Your credentials need s3:ListBucket and s3:GetObject there.`,
      { cause: error },
    );
  }
  return explained(error, bucket);
}

/** The region of a bucket that is not in that of the request. */
function regionOf(error: S3ServiceException): string | undefined {
  const { httpStatusCode } = error.$metadata;
  if (httpStatusCode !== 301 && !['PermanentRedirect', 'AuthorizationHeaderMalformed'].includes(error.name))
    return undefined;
  const header = error.$response?.headers?.['x-amz-bucket-region'];
  return header ?? /expecting '([a-z0-9-]+)'/.exec(error.message)?.[1] ?? 'another region';
}
