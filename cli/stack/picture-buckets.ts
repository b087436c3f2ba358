import { GetBucketEncryptionCommand, HeadBucketCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { UsageError } from '#errors/user-error.ts';
import type { Target } from './target.ts';

/** A bucket whose pictures jobs are to classify, as far as the user may look at it. */
export interface PictureBucket {
  readonly name: string;
  /** `unknown` where the user may not look at it. */
  readonly owner: 'this account' | 'another account' | 'unknown';
  /** The KMS key that it encrypts with: its address, or `aws/s3` for the one that AWS manages. */
  readonly key?: string;
}

/**
 * Asks S3 about buckets before a deployment lets jobs read them.
 *
 * @throws {UsageError} one does not exist, or is in another region: every picture would be read across regions, which is paid for
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
 */
export async function lookAtPictureBuckets(
  target: Target,
  names: readonly string[],
): Promise<readonly PictureBucket[]> {
  const s3 = new S3Client(target.clientConfig);
  return Promise.all(names.map((name) => lookAtBucket(s3, target, name)));
}

async function lookAtBucket(s3: S3Client, { account, region }: Target, name: string): Promise<PictureBucket> {
  const refusal = await refusalOf(s3.send(new HeadBucketCommand({ Bucket: name })));
  const isIn = refusal?.$response?.headers['x-amz-bucket-region'] ?? region;
  if (isIn !== region) {
    throw new UsageError(
      `--pictures: ${name} is in the region ${isIn}, and the stack in ${region}. Every picture would be read across regions, which is paid for by the gigabyte. Deploy a stack to ${isIn}, or copy the pictures with "aws s3 sync".`,
    );
  }
  const status = refusal?.$metadata.httpStatusCode;
  if (status === 404) {
    throw new UsageError(`--pictures: there is no bucket ${name}. Check the name; "aws s3 ls" lists yours.`);
  }
  if (status === 403) return { name, owner: 'unknown' };
  if (refusal) throw refusal;
  const foreign = await refusalOf(s3.send(new HeadBucketCommand({ Bucket: name, ExpectedBucketOwner: account })));
  return { name, owner: foreign ? 'another account' : 'this account', ...(await keyOf(s3, name)) };
}

/** Nothing where the bucket encrypts with a key of S3's own, or the user may not know. */
async function keyOf(s3: S3Client, name: string): Promise<{ readonly key?: string }> {
  try {
    const answer = await s3.send(new GetBucketEncryptionCommand({ Bucket: name }));
    const rules = answer.ServerSideEncryptionConfiguration?.Rules ?? [];
    const encryption = rules[0]?.ApplyServerSideEncryptionByDefault;
    return encryption?.SSEAlgorithm?.startsWith('aws:kms') ? { key: encryption.KMSMasterKeyID ?? 'aws/s3' } : {};
  } catch (error) {
    if (error instanceof S3ServiceException) return {};
    throw error;
  }
}

async function refusalOf(asked: Promise<unknown>): Promise<S3ServiceException | undefined> {
  try {
    await asked;
    return undefined;
  } catch (error) {
    if (error instanceof S3ServiceException) return error;
    throw error;
  }
}

/**
 * What others must allow before jobs can read a bucket: the stack can allow its role to ask, and no more.
 *
 * @param role the ARN of the role of jobs that classify
 * @returns a text for each thing that somebody has to do; none for a bucket of this account without a key of its own
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
 */
export function pictureBucketAdvice({ name, owner, key }: PictureBucket, role: string): readonly string[] {
  const [, partition = 'aws'] = role.split(':');
  const statement = {
    Effect: 'Allow',
    Principal: { AWS: role },
    Action: ['s3:GetObject', 's3:ListBucket'],
    Resource: [`arn:${partition}:s3:::${name}`, `arn:${partition}:s3:::${name}/*`],
  };
  const allow = `Its owner must add this statement to the bucket’s policy: ${JSON.stringify(statement)}`;
  const isForeign = owner === 'another account';
  return [
    ...(isForeign ? [`The bucket ${name} belongs to another account. ${allow}`] : []),
    ...(owner === 'unknown'
      ? [`You may not look at the bucket ${name}. Nothing is missing if it is of this account. Else: ${allow}`]
      : []),
    ...(key === 'aws/s3' && isForeign
      ? [
          `${name} is encrypted with aws/s3, the key of its account, which no other account can use. Its pictures must be encrypted with another key, or copied.`,
        ]
      : []),
    ...(key !== undefined && key !== 'aws/s3'
      ? [
          `${name} is encrypted with the KMS key ${key}. The key’s policy must allow kms:Decrypt to ${role}${isForeign ? '' : ', unless it leaves that to the IAM policies of the account, as a key made in the console does'}.`,
        ]
      : []),
  ];
}
