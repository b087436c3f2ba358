import { describe, expect, test } from 'vitest';
import { UsageError } from '#errors/user-error.ts';
import { type LoopbackBucket, LoopbackCloud } from './loopback-cloud.fixture.ts';
import { lookAtPictureBuckets, pictureBucketAdvice } from './picture-buckets.ts';

const role = 'arn:aws:iam::123456789012:role/Cifar10-ClassifyJobRole';
const key = 'arn:aws:kms:eu-west-1:123456789012:key/1';

/** What is found of a bucket, and what others must do for it. */
async function look(bucket: LoopbackBucket) {
  await using cloud = new LoopbackCloud();
  cloud.buckets.set('photos', []);
  cloud.strangers.set('photos', bucket);
  const [found] = await lookAtPictureBuckets(await cloud.open(), ['photos']);
  return { found, advice: pictureBucketAdvice(found!, role) };
}

describe('a bucket with pictures', () => {
  test('of this account needs nothing', async () => {
    expect(await look({})).toEqual({ found: { name: 'photos', owner: 'this account' }, advice: [] });
    expect((await look({ key: 'aws/s3' })).advice).toEqual([]);
  });

  test('of another account needs a statement of its owner, which is given', async () => {
    const { found, advice } = await look({ account: '210987654321' });

    expect(found).toEqual({ name: 'photos', owner: 'another account' });
    expect(advice).toHaveLength(1);
    expect(advice[0]).toMatch(/^The bucket photos belongs to another account\. Its owner must add/);
    expect(JSON.parse(advice[0]!.slice(advice[0]!.indexOf('{')))).toEqual({
      Effect: 'Allow',
      Principal: { AWS: role },
      Action: ['s3:GetObject', 's3:ListBucket'],
      Resource: ['arn:aws:s3:::photos', 'arn:aws:s3:::photos/*'],
    });
  });

  test('that the user may not look at may be of another account', async () => {
    const { found, advice } = await look({ isClosed: true });

    expect(found).toEqual({ name: 'photos', owner: 'unknown' });
    expect(advice).toEqual([expect.stringMatching(/^You may not look at the bucket photos\. Nothing is missing if/)]);
  });

  test('with a key of KMS needs the key’s policy', async () => {
    expect((await look({ key })).advice).toEqual([
      `photos is encrypted with the KMS key ${key}. The key’s policy must allow kms:Decrypt to ${role}, unless it leaves that to the IAM policies of the account, as a key made in the console does.`,
    ]);
    const foreign = await look({ key, account: '210987654321' });
    expect(foreign.advice[1]).toMatch(/must allow kms:Decrypt to arn:aws:iam::123456789012:role\/\S+Role\.$/);
  });

  test('of another account with the key that AWS manages can never be read', async () => {
    const { advice } = await look({ key: 'aws/s3', account: '210987654321' });
    expect(advice[1]).toMatch(/^photos is encrypted with aws\/s3, .* no other account can use/);
  });

  test('that does not exist, or is in another region, is refused before anything is deployed', async () => {
    await expect(look({ region: 'us-east-1' })).rejects.toThrow(
      '--pictures: photos is in the region us-east-1, and the stack in eu-west-1. Every picture would be read across',
    );
    await using cloud = new LoopbackCloud();
    const missing = lookAtPictureBuckets(await cloud.open(), ['photos']);
    await expect(missing).rejects.toThrow('--pictures: there is no bucket photos.');
    await expect(missing).rejects.toThrow(UsageError);
  });
});
