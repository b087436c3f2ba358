import { devNull } from 'node:os';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { type FaultyS3, startFaultyS3 } from '#inference/serving/faulty-s3.fixture.ts';
import { openObjectStore } from './open.ts';

/** With the real client, and answers of S3 from this machine. */
describe('an answer of S3 that a person has to act on', () => {
  let s3: FaultyS3;
  beforeEach(async () => {
    s3 = await startFaultyS3('http://127.0.0.1:1');
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, 'test');
    for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, devNull);
    for (const name of ['AWS_PROFILE', 'AWS_DEFAULT_REGION', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_REGION', 'eu-west-1');
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await s3.close();
  });
  const refusalOf = async () => {
    const store = await openObjectStore('s3://bucket', { endpoint: s3.endpoint });
    return await store.put('a', new Uint8Array(1)).catch((error: unknown) => error);
  };

  test.each([
    [404, 'NoSuchBucket', 's3://bucket does not exist. Deploy the stack first, or check the name.'],
    [403, 'AccessDenied', 's3://bucket refuses the request (AccessDenied). Check the credentials and their rights.'],
    [403, 'InvalidAccessKeyId', 's3://bucket refuses the request (InvalidAccessKeyId). Check the credentials'],
    [
      400,
      'ExpiredToken',
      'The AWS credentials for s3://bucket have expired. Get new ones, for example by "aws sso login".',
    ],
    [301, 'PermanentRedirect', 's3://bucket is in another region. Set AWS_REGION to its own. (As documented.)'],
    [
      400,
      'AuthorizationHeaderMalformed',
      's3://bucket is in another region. Set AWS_REGION to its own. (As documented.)',
    ],
  ])('%i %s is explained, and asked for once', async (status, code, message) => {
    s3.inject({ kind: 'error', status, code });
    const refusal = await refusalOf();
    expect(refusal).toBeInstanceOf(UserError);
    expect((refusal as Error).message).toContain(message);
    expect(s3.requested).toHaveLength(1);
  });

  test('a region that is not set is missed before S3 is asked', async () => {
    vi.stubEnv('AWS_REGION', undefined);
    const refusal = await refusalOf();
    expect(refusal).toBeInstanceOf(UserError);
    expect((refusal as Error).message).toBe(
      'No AWS region is set for s3://bucket. Set AWS_REGION, such as AWS_REGION=eu-west-1.',
    );
    expect(s3.requested).toEqual([]);
  });
});
