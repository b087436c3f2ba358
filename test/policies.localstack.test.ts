/** The roles of the stack, with LocalStack in AWS's place: each may do what its policies allow, and nothing else. */
import { randomUUID } from 'node:crypto';
import { BatchClient, ListJobsCommand, SubmitJobCommand, TerminateJobCommand } from '@aws-sdk/client-batch';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
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
import { documentedPermissions, synthesizeStack, usedPermissions } from './policies.ts';

/** What is in this machine's store for a role. */
interface Session {
  readonly store: ObjectStore;
  readonly s3: S3Client;
}

const stackName = `policies-${randomUUID()}`;
/** A bucket of the user whose pictures may be classified: see `synthesizeStack`. */
const photos = 'photos';
let stack: TestStack;
let bucket: string;
/** The user, who may do everything. */
let admin: Session;
let job: Session;
/** A job that classifies the pictures of a plan. */
let classifyJob: Session;
let classifier: Session;

beforeAll(async () => {
  // The endpoint and the functions are left out: their programs are not needed to be their roles, which name a topic.
  const isNeeded = /^AWS::(Batch|EC2|IAM|Logs|S3|SNS)::/;
  const Resources = Object.fromEntries(
    Object.entries(synthesizeStack().Resources).filter(([, { Type }]) => isNeeded.test(Type)),
  );
  const idOf = (pattern: RegExp) => Object.keys(Resources).find((id) => pattern.test(id)) ?? '';
  const arnOf = (id: string) => ({ Value: { 'Fn::GetAtt': [id, 'Arn'] } });
  const Outputs = {
    Bucket: { Value: { Ref: idOf(/^ModelsBucket(?!Policy)/) } },
    Job: arnOf(idOf(/^TrainingJobRole(?!Default)/)),
    ClassifyJob: arnOf(idOf(/^TrainingClassifyJobRole(?!Default)/)),
    Classifier: arnOf(idOf(/^ClassifierRole(?!Default)/)),
    Reclaimed: arnOf(idOf(/^TrainingReclaimedRole(?!Default)/)),
    ...Object.fromEntries(
      ['Queue', 'OnDemandQueue', 'CpuOnDemandQueue', 'Job', 'CpuJob', 'ClassifyJob'].map((name) => [
        `Batch${name}`,
        { Value: { Ref: idOf(new RegExp(`^Training${name}[0-9A-F]{8}$`)) } },
      ]),
    ),
  };
  stack = await deployStack({ Resources, Outputs }, stackName);
  bucket = stack.outputs.Bucket ?? '';
  admin = { store: await openObjectStore(`s3://${bucket}`), s3: new S3Client() };
  [job, classifyJob, classifier] = await Promise.all([
    assume(stack.outputs.Job),
    assume(stack.outputs.ClassifyJob),
    assume(stack.outputs.Classifier),
  ]);
  const keys = ['aliases/production.json', 'models/a/card.json', 'data/set.bin', 'runs/r/args.json'];
  for (const key of [...keys, 'plans/p/plan.json', 'plans/p/results/1.json', 'pictures/cat.png']) {
    await admin.store.put(key, Buffer.from(key));
  }
  await admin.s3.send(new CreateBucketCommand({ Bucket: photos }));
  await admin.s3.send(new PutObjectCommand({ Bucket: photos, Key: '2026/dog.png', Body: 'dog' }));
});
afterAll(async () => {
  await emptyBucket(admin.s3, photos);
  await admin.s3.send(new DeleteBucketCommand({ Bucket: photos }));
  await stack?.delete();
});

async function assume(role: string | undefined): Promise<Session> {
  const config = { credentials: await credentialsOf(role) };
  return { store: await openObjectStore(`s3://${bucket}`, config), s3: new S3Client(config) };
}

async function credentialsOf(RoleArn: string | undefined) {
  const { Credentials } = await new STSClient().send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'test' }));
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
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

  it('stores the data set, and finds what is not there', async () => {
    expect(await job.store.get('data/other.bin')).toBeUndefined();
    await job.store.put('data/other.bin', Buffer.from(''), { only: 'absent' });
    expect(await job.store.get('models/none/manifest.json')).toBeUndefined();
  });

  it('moves its alias, and is told of a conflict', async () => {
    const etag = await job.store.put('aliases/candidate.json', Buffer.from('1'), { only: 'absent' });
    await job.store.put('aliases/candidate.json', Buffer.from('2'), { only: { ifMatch: etag } });
    for (const only of ['absent', { ifMatch: etag }] as const) {
      await expect(job.store.put('aliases/candidate.json', Buffer.from('3'), { only })).rejects.toThrow(WriteConflict);
    }
  });

  it.each([
    'aliases/production.json',
    'aliases/other.json',
    'pictures/cat.png',
    'batches/b/answers/1.csv',
    'elsewhere',
  ])('may neither read nor write %s, and is never told that it does not exist', async (key) => {
    await expect(job.store.get(key)).rejects.toThrow(refusedByStore);
    await expect(job.store.put(key, Buffer.from(''))).rejects.toThrow(refusedByStore);
  });

  it('deletes neither models nor data', async () => {
    for (const key of ['models/a/card.json', 'data/set.bin', 'aliases/candidate.json']) {
      await expect(job.store.delete(key)).rejects.toThrow(refusedByStore);
    }
  });

  it('lists no more than it may read', async () => {
    for (const prefix of ['', 'aliases/', 'aliases/production.json', 'run', 'pictures/', 'batches/']) {
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

describe.each([
  ['a job', () => job],
  ['a job that classifies', () => classifyJob],
])('%s of a plan', (_, session) => {
  it('reads the plan, and finds which of its shards have a result', async () => {
    const { store } = session();
    expect(await store.get('plans/p/plan.json')).toBeDefined();
    expect(await listed(store, 'plans/p/results/')).toContain('plans/p/results/1.json');
    expect(await store.get('plans/p/results/none.json')).toBeUndefined();
  });

  it('says that a shard has begun, has failed and is done, once each', async () => {
    const { store } = session();
    const shard = randomUUID();
    for (const folder of ['started', 'failures', 'results']) {
      const key = `plans/p/${folder}/${shard}.json`;
      await store.put(key, Buffer.from('{}'), { only: 'absent' });
      await expect(store.put(key, Buffer.from('{}'), { only: 'absent' })).rejects.toThrow(WriteConflict);
    }
  });

  it.each(['plans/p/plan.json', 'plans/p/submissions/0001.json', 'plans/p/lists/1.jsonl'])(
    'changes nothing that is the user’s: %s',
    async (key) => {
      await expect(session().store.put(key, Buffer.from('{}'))).rejects.toThrow(refusedByStore);
    },
  );

  it('deletes no result', async () => {
    await expect(session().store.delete('plans/p/results/1.json')).rejects.toThrow(refusedByStore);
  });
});

describe('a job that classifies', () => {
  it('reads models and pictures, finds that one is gone, and writes answers', async () => {
    for (const key of ['models/a/card.json', 'pictures/cat.png']) {
      expect(Buffer.from((await classifyJob.store.get(key))?.body ?? []).toString()).toBe(key);
    }
    expect(await listed(classifyJob.store, 'models/')).toEqual(['models/a/card.json']);
    expect(await classifyJob.store.get('pictures/gone.png')).toBeUndefined();
    await classifyJob.store.put('batches/b/answers/1.csv', Buffer.from('cat.png,cat'));
    expect(await listed(classifyJob.store, 'batches/b/answers.csv')).toEqual([]);
    const parts = [{ key: 'batches/b/answers/1.csv', size: 11 }];
    await classifyJob.store.concatenate('batches/b/answers.csv', parts, { only: 'absent' });
  });

  it('reads a bucket that the deployment names, knows what is gone from it, and writes nothing there', async () => {
    const get = (Key: string) => classifyJob.s3.send(new GetObjectCommand({ Bucket: photos, Key }));
    expect(await (await get('2026/dog.png')).Body?.transformToString()).toBe('dog');
    await expect(get('2026/gone.png')).rejects.toMatchObject({ name: 'NoSuchKey' });
    await classifyJob.s3.send(new ListObjectsV2Command({ Bucket: photos, Prefix: '2026/' }));
    await expect(
      classifyJob.s3.send(new PutObjectCommand({ Bucket: photos, Key: '2026/dog.png', Body: 'cat' })),
    ).rejects.toMatchObject(refused);
  });

  it.each(['runs/r/args.json', 'data/set.bin', 'aliases/production.json', 'elsewhere'])(
    'may not read %s',
    async (key) => {
      await expect(classifyJob.store.get(key)).rejects.toThrow(refusedByStore);
    },
  );

  it.each([
    'models/b/card.json',
    'runs/r/args.json',
    'aliases/candidate.json',
    'pictures/cat.png',
    'plans/p/plan.json',
  ])('may not write %s', async (key) => {
    await expect(classifyJob.store.put(key, Buffer.from(''))).rejects.toThrow(refusedByStore);
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

it('what submits reclaimed jobs again may do so on demand, and nothing else', async () => {
  const { outputs } = stack;
  const batch = new BatchClient({ credentials: await credentialsOf(outputs.Reclaimed) });
  const submit = (queue: string, definition: string) =>
    batch.send(new SubmitJobCommand({ jobName: 'again', jobQueue: outputs[queue], jobDefinition: definition }));
  const nameOf = (arn = '') => arn.replace(/^.*\//, '').replace(/:\d+$/, '');
  for (const [queue, definition = ''] of [
    ['BatchOnDemandQueue', outputs.BatchJob],
    ['BatchCpuOnDemandQueue', outputs.BatchCpuJob],
    ['BatchCpuOnDemandQueue', outputs.BatchClassifyJob],
  ] as const) {
    await submit(queue, definition);
    await submit(queue, nameOf(definition)); // the newest revision
  }
  await expect(submit('BatchQueue', outputs.BatchJob ?? '')).rejects.toThrow(
    'not authorized to perform: batch:SubmitJob',
  );
  await batch.send(new ListJobsCommand({ jobQueue: outputs.BatchOnDemandQueue }));
  await expect(batch.send(new TerminateJobCommand({ jobId: 'any', reason: 'test' }))).rejects.toMatchObject({
    name: 'AccessDeniedException',
    $metadata: { httpStatusCode: 403 },
  });
});

it('all of that is recorded: each permission that the end-to-end run does not use is used here', async () => {
  const { uses, refusals } = await usedPermissions(inject('localStack').endpoint, stackName);
  const rest = (await documentedPermissions()).filter(({ used }) => used === 'no');
  expect(rest.length).toBeGreaterThan(0);
  expect(uses).toEqual(expect.arrayContaining(rest.map(({ role, action, on }) => ({ role, action, on }))));
  expect(refusals).toContainEqual({ role: 'TrainingJobRole', action: 's3:PutObject', on: 'aliases/production.json' });
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
