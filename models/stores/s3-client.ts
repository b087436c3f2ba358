import { S3Client, type S3ClientConfig, S3ServiceException } from '@aws-sdk/client-s3';
import { awsNetwork } from '#environment/aws-network.ts';
import { variable } from '#environment/variables.ts';
import { UserError } from '#errors/user-error.ts';

/** Milliseconds after which a connection on which nothing moves counts as broken: the client would wait for ever. */
const SILENCE = { connectionTimeout: 10_000, socketTimeout: 30_000 };

/** @param clientConfig region, credentials and address. @default those of the standard AWS environment */
export function s3Client(clientConfig: S3ClientConfig = {}): S3Client {
  // A job and a function log it at each start as if it were an error; the SDK of a release is pinned.
  process.env[variable.nodeSupportWarning] ??= 'true';
  const network = awsNetwork();
  const requestHandler = { ...network.requestHandler, ...SILENCE };
  return new S3Client({ ...network, requestHandler, ...clientConfig });
}

export function isStatus(error: unknown, ...statuses: number[]): error is S3ServiceException {
  return error instanceof S3ServiceException && statuses.includes(error.$metadata.httpStatusCode ?? 0);
}

/** Explains errors that a person can fix; returns others unchanged. */
export function explained(error: unknown, bucket: string): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === 'NoSuchBucket') {
    return new UserError(`s3://${bucket} does not exist. Deploy the stack first, or check the name.`, { cause: error });
  }
  if (error.name === 'CredentialsProviderError') {
    return new UserError(`There are no AWS credentials for s3://${bucket}. Set them, for example by "aws sso login".`, {
      cause: error,
    });
  }
  // An expired token has status 400, what another signature has expired has 403.
  if (error.name.startsWith('ExpiredToken')) {
    return new UserError(
      `The AWS credentials for s3://${bucket} have expired. Get new ones, for example by "aws sso login".`,
      {
        cause: error,
      },
    );
  }
  if (error.message === 'Region is missing') {
    return new UserError(`No AWS region is set for s3://${bucket}. Set AWS_REGION, such as AWS_REGION=eu-west-1.`, {
      cause: error,
    });
  }
  if (error.name === 'PermanentRedirect' || error.name === 'AuthorizationHeaderMalformed') {
    return new UserError(`s3://${bucket} is in another region. Set AWS_REGION to its own. (${error.message})`, {
      cause: error,
    });
  }
  // LocalStack says that the disk is full, and what to do.
  if (isStatus(error, 507)) return new UserError(error.message, { cause: error });
  if (isStatus(error, 403)) {
    return new UserError(
      `s3://${bucket} refuses the request (${error.name}). Check the credentials and their rights.`,
      {
        cause: error,
      },
    );
  }
  return error;
}
