/** The roles of the stack, with LocalStack in AWS's place: each may do what its policies allow, and nothing else. */
import {
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { emptyBucket } from '#cli/stack/empty-bucket.ts';
import { deployStack, type TestStack } from '#local/test-stack.ts';
import { exampleVersion } from '#models/example-version.ts';
import { readCheckpoint, writeCheckpoint } from '#models/run-checkpoints.ts';
import { type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { listVersions, publishVersion, readVersion } from '#models/versions.ts';
import { synthesizeStack } from './policies.ts';

/** What is in this machine's store for a role. */
interface Session {
  readonly store: ObjectStore;
  readonly s3: S3Client;
}

let stack: TestStack;
let bucket: string;
/** The user, who may do everything. */
let admin: Session;
let job: Session;
let classifier: Session;

beforeAll(async () => {
  const template = synthesizeStack();
  const isNeeded = /^AWS::(IAM::(Role|Policy)|S3::.*|Logs::LogGroup)$/;
  const Resources = Object.fromEntries(
    Object.entries(template.Resources).filter(
      ([id, { Type }]) => isNeeded.test(Type) && !/Fleet|ExecutionRole|Reclaimed/.test(id),
    ),
  );
  const idOf = (pattern: RegExp) => Object.keys(Resources).find((id) => pattern.test(id)) ?? '';
  const arnOf = (id: string) => ({ Value: { 'Fn::GetAtt': [id, 'Arn'] } });
  const Outputs = {
    Bucket: { Value: { Ref: idOf(/^ModelsBucket(?!Policy)/) } },
    Job: arnOf(idOf(/^TrainingJobRole(?!Default)/)),
    Classifier: arnOf(idOf(/^ClassifierRole(?!Default)/)),
  };
  stack = await deployStack({ Resources, Outputs });
  bucket = stack.outputs.Bucket ?? '';
  admin = { store: await openObjectStore(`s3://${bucket}`), s3: new S3Client() };
  [job, classifier] = await Promise.all([assume(stack.outputs.Job), assume(stack.outputs.Classifier)]);
  for (const key of ['aliases/production.json', 'models/a/card.json', 'data/set.bin', 'runs/r/args.json']) {
    await admin.store.put(key, Buffer.from(key));
  }
});
afterAll(async () => {
  await stack?.delete();
});

async function assume(RoleArn: string | undefined): Promise<Session> {
  const { Credentials } = await new STSClient().send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'test' }));
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  const config = {
    credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
  };
  return { store: await openObjectStore(`s3://${bucket}`, config), s3: new S3Client(config) };
}

async function listed(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

const refused = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
const refusedByStore = 'refuses the request (AccessDenied)';

describe('a job', () => {
  it('writes, reads, lists and deletes what is its own', async () => {
    await job.store.put('runs/r/history.csv', Buffer.from('1'));
    expect(await listed(job.store, 'runs/r/')).toEqual(['runs/r/args.json', 'runs/r/history.csv']);
    await job.store.delete('runs/r/history.csv');
    expect(await job.store.get('runs/r/history.csv')).toBeUndefined();
    for (const key of ['models/a/card.json', 'data/set.bin']) {
      expect(Buffer.from((await job.store.get(key))?.body ?? []).toString()).toBe(key);
    }
  });

  it('moves its alias, and is told of a conflict', async () => {
    const etag = await job.store.put('aliases/candidate.json', Buffer.from('1'), { only: 'absent' });
    await job.store.put('aliases/candidate.json', Buffer.from('2'), { only: { ifMatch: etag } });
    for (const only of ['absent', { ifMatch: etag }] as const) {
      await expect(job.store.put('aliases/candidate.json', Buffer.from('3'), { only })).rejects.toThrow(WriteConflict);
    }
  });

  it.each(['aliases/production.json', 'aliases/other.json', 'plans/p/plan.json', 'elsewhere'])(
    'may neither read nor write %s, and is never told that it does not exist',
    async (key) => {
      await expect(job.store.get(key)).rejects.toThrow(refusedByStore);
      await expect(job.store.put(key, Buffer.from(''))).rejects.toThrow(refusedByStore);
    },
  );

  it('deletes neither models nor data', async () => {
    for (const key of ['models/a/card.json', 'data/set.bin', 'aliases/candidate.json']) {
      await expect(job.store.delete(key)).rejects.toThrow(refusedByStore);
    }
  });

  it('lists no more than it may read', async () => {
    for (const prefix of ['', 'aliases/', 'aliases/production.json', 'run', 'plans/']) {
      await expect(listed(job.store, prefix), prefix).rejects.toThrow(refusedByStore);
    }
    await expect(job.s3.send(new ListObjectsV2Command({ Bucket: bucket }))).rejects.toMatchObject(refused);
    expect(await listed(job.store, 'aliases/candidate.json')).toEqual(['aliases/candidate.json']);
  });

  it('copies only what it may read, to where it may write', async () => {
    const copy = (from: string, Key: string) =>
      job.s3.send(new CopyObjectCommand({ Bucket: bucket, CopySource: `${bucket}/${from}`, Key }));
    await copy('data/set.bin', 'runs/r/set.bin');
    await expect(copy('aliases/production.json', 'runs/r/alias.json')).rejects.toMatchObject(refused);
    await expect(copy('data/set.bin', 'aliases/production.json')).rejects.toMatchObject(refused);
    await expect(
      job.s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'aliases/production.json' })),
    ).rejects.toMatchObject(refused);
  });
});

describe('the classifier', () => {
  it('reads and lists models and aliases', async () => {
    expect(await classifier.store.get('aliases/production.json')).toBeDefined();
    expect(await listed(classifier.store, 'models/')).toEqual(['models/a/card.json']);
    expect(await listed(classifier.store, 'aliases/')).toContain('aliases/production.json');
  });

  it('finds that an object does not exist, although S3 answers 403', async () => {
    const Key = 'aliases/none.json';
    await expect(classifier.s3.send(new GetObjectCommand({ Bucket: bucket, Key }))).rejects.toMatchObject(refused);
    expect(await classifier.store.get(Key)).toBeUndefined();
    await expect(admin.s3.send(new GetObjectCommand({ Bucket: bucket, Key }))).rejects.toMatchObject({
      name: 'NoSuchKey',
    });
  });

  it('writes nothing, and sees neither runs nor data', async () => {
    await expect(classifier.store.put('models/b/card.json', Buffer.from(''))).rejects.toThrow(refusedByStore);
    await expect(classifier.store.delete('models/a/card.json')).rejects.toThrow(refusedByStore);
    await expect(classifier.store.get('runs/r/args.json')).rejects.toThrow(refusedByStore);
    await expect(listed(classifier.store, '')).rejects.toThrow(refusedByStore);
  });
});

it('what a role was refused is recorded, with what it used', async () => {
  const answer = await fetch(`${inject('localStack').endpoint}/_cifar10/permissions`);
  const { uses, refusals } = (await answer.json()) as Record<string, Record<string, unknown>[]>;
  expect(uses).toContainEqual(
    expect.objectContaining({
      role: stack.outputs.Job?.split('/').at(-1),
      action: 's3:ListBucket',
      resource: `arn:aws:s3:::${bucket}`,
      conditions: { 's3:prefix': 'runs/*' },
    }),
  );
  expect(refusals).toContainEqual(
    expect.objectContaining({ action: 's3:PutObject', resource: `arn:aws:s3:::${bucket}/aliases/production.json` }),
  );
});

describe('a bucket that refuses from the middle of a job on', () => {
  /** The job's store, of which the bucket denies every write after the first `writes`. */
  const deniedAfter = (writes: number): ObjectStore => {
    let left = writes;
    return {
      ...job.store,
      put: async (...put) => {
        const etag = await job.store.put(...put);
        left -= 1;
        if (left === 0) {
          const denial = {
            Effect: 'Deny',
            Principal: '*',
            Action: 's3:PutObject',
            Resource: `arn:aws:s3:::${bucket}/*`,
          };
          const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [denial] });
          await admin.s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
        }
        return etag;
      },
    };
  };
  const restore = async () => {
    await admin.s3.send(new DeleteBucketPolicyCommand({ Bucket: bucket }));
  };

  it('shows nobody a part of a version, says why, and takes the whole one at the next try', async () => {
    const files = exampleVersion({ weights: [1, 2, 3, 4, 5, 6] });
    await expect(publishVersion(deniedAfter(2), files)).rejects.toThrow(
      `s3://${bucket} refuses the request (AccessDenied). Check the credentials and their rights.`,
    );
    const inBucket = await listed(admin.store, 'models/');
    expect(inBucket.length).toBeGreaterThan(1);
    expect(await listVersions(admin.store)).toEqual([]);
    await restore();
    const id = await publishVersion(job.store, files);
    expect(await listVersions(admin.store)).toEqual([id]);
    await readVersion(classifier.store, id);
  });

  it('leaves the last checkpoint in place', async () => {
    const write = async (store: ObjectStore, step: number) =>
      writeCheckpoint(store, 'r', { step, body: new Uint8Array([step]), expected: await readCheckpoint(store, 'r') });
    await write(job.store, 1);
    await expect(write(deniedAfter(1), 2)).rejects.toThrow(refusedByStore);
    expect(await readCheckpoint(admin.store, 'r')).toMatchObject({ step: 1, damaged: [] });
    await restore();
    await write(job.store, 2);
    expect((await readCheckpoint(admin.store, 'r'))?.step).toBe(2);
  });
});

it('a bucket that is gone is said to be gone, to a job and to the classifier', async () => {
  await emptyBucket(admin.s3, bucket);
  await admin.s3.send(new DeleteBucketCommand({ Bucket: bucket }));
  const gone = `s3://${bucket} does not exist`;
  await expect(job.store.put('runs/r/args.json', Buffer.from(''))).rejects.toThrow(gone);
  await expect(job.store.get('runs/r/args.json')).rejects.toThrow(gone);
  await expect(listed(job.store, 'runs/')).rejects.toThrow(gone);
  await expect(classifier.store.get('aliases/production.json')).rejects.toThrow(gone);
});
