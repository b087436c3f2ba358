import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { moveAlias, readAlias, type StoredAlias } from '#models/aliases.ts';
import { exampleVersion } from '#models/example-version.ts';
import { readCheckpoint, writeCheckpoint } from '#models/run-checkpoints.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { listVersions, publishVersion, readVersion } from '#models/versions.ts';
import { localstackTestPython } from '#setup/localstack.mjs';
import { localEnvironment } from './environment.ts';
import { type LocalStack, startLocalStack, stopLocalStack } from './localstack.ts';
import { restoreModels } from './mirror.ts';
import { deployStack } from './test-stack.ts';

let root: string;
let folder: string;
let kept: string;
let localStack: LocalStack;
let bucket: string;
let store: ObjectStore;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'cifar10-kept-'));
  [folder, kept] = [path.join(root, 'local'), path.join(root, 'store')];
  await start();
});
afterAll(async () => {
  await stopLocalStack(folder);
  await rm(root, { recursive: true, force: true });
});

/** Starts LocalStack anew and deploys to it what this test needs of the stack: the model bucket and another one. */
async function start(): Promise<void> {
  localStack = await startLocalStack({ folder, store: kept, port: 'any', bound: true });
  const config = {
    region: 'us-east-1',
    endpoint: localStack.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  };
  const versioned = { Type: 'AWS::S3::Bucket', Properties: { VersioningConfiguration: { Status: 'Enabled' } } };
  const template = {
    Resources: { Bucket: versioned, Other: versioned },
    Outputs: { BucketName: { Value: { Ref: 'Bucket' } }, OtherName: { Value: { Ref: 'Other' } } },
  };
  const { outputs } = await deployStack(template, 'Cifar10', config);
  bucket = outputs.BucketName ?? '';
  store = await openObjectStore(`s3://${bucket}`, config);
  other = await openObjectStore(`s3://${outputs.OtherName}`, config);
  await restoreModels(store, kept);
}
let other: ObjectStore;

/** Runs a program with another client, AWS's own for Python. */
async function boto3(program: string): Promise<void> {
  const env = localEnvironment(localStack.endpoint);
  const start = `import boto3; s3 = boto3.client("s3"); bucket = ${JSON.stringify(bucket)}\n`;
  await promisify(execFile)(localstackTestPython() ?? '', ['-c', start + program], { env });
}

const text = (key: string) => readFile(path.join(kept, key), 'utf8');

/** What clients were told, and the writes that may have happened although LocalStack ended before it answered. */
interface Told {
  alias: StoredAlias | undefined;
  asked: string;
  readonly versions: string[];
  step: number;
}

/** Publishes, promotes and writes checkpoints, all at once and without a pause, until LocalStack is gone. */
async function untilGone(told: Told): Promise<void> {
  const forever = async (write: (count: number) => Promise<void>) => {
    for (let count = 0; ; count++) await write(count);
  };
  const [first = ''] = told.versions;
  const [second = ''] = told.versions.slice(1);
  const promoting = forever(async () => {
    told.asked = told.alias?.version === first ? second : first;
    told.alias = await moveAlias(store, 'production', { to: told.asked, by: 'test', expected: told.alias });
  });
  const publishing = forever(async (count) => {
    told.versions.push(
      await publishVersion(store, exampleVersion({ weights: [told.versions.length, count, 1, 2, 3, 4] })),
    );
  });
  const training = forever(async () => {
    const expected = await readCheckpoint(store, 'a-run');
    const step = (expected?.step ?? 0) + 1;
    await writeCheckpoint(store, 'a-run', { step, body: new Uint8Array(300_000).fill(step), expected });
    told.step = step;
  });
  await Promise.allSettled([promoting, publishing, training]);
}

test('what clients were told survives LocalStack, however and whenever it ends', async () => {
  const told: Told = { alias: undefined, asked: '', versions: [], step: 0 };
  for (const weight of [1, 2]) {
    await sleep(20);
    told.versions.push(await publishVersion(store, exampleVersion({ weights: [weight, 0, 0, 0, 0, 0] })));
  }
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const writing = untilGone(told);
    // A machine that is busy with other tests may take seconds for the first answers.
    await vi.waitUntil(() => told.alias !== undefined && told.step > 0, { timeout: 60_000 });
    await sleep(300 + 700 * Math.random());
    process.kill(localStack.pid, signal);
    await writing;
    expect(told.alias).toBeDefined();
    await start();
    const alias = await readAlias(store, 'production');
    expect([told.alias?.version, told.asked]).toContain(alias?.version);
    const versions = await listVersions(store);
    expect(versions).toEqual(expect.arrayContaining(told.versions));
    for (const version of versions) await readVersion(store, version);
    const checkpoint = await readCheckpoint(store, 'a-run');
    expect(checkpoint).toMatchObject({ damaged: [] });
    expect(checkpoint?.step).toBeGreaterThanOrEqual(told.step);
    told.alias = alias;
  }
});

test('a client of another language is heard, and what is deleted does not come back', async () => {
  await boto3(`
s3.put_object(Bucket=bucket, Key="aliases/by-boto3.json", Body=b'{"version": 1}')
s3.put_object(Bucket=bucket, Key="aliases/by-boto3.json", Body=b'{"version": 2}')
s3.copy_object(Bucket=bucket, Key="runs/copied/history.csv", CopySource={"Bucket": bucket, "Key": "aliases/by-boto3.json"})
upload = s3.create_multipart_upload(Bucket=bucket, Key="runs/parts/history.csv")["UploadId"]
part = s3.upload_part(Bucket=bucket, Key="runs/parts/history.csv", UploadId=upload, PartNumber=1, Body=b"parts")["ETag"]
s3.complete_multipart_upload(Bucket=bucket, Key="runs/parts/history.csv", UploadId=upload,
    MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
s3.put_object(Bucket=bucket, Key="data/not-kept.bin", Body=b"data")
s3.put_object(Bucket=bucket, Key="runs/a file.txt", Body=b"its name is no key")`);
  expect(await text('aliases/by-boto3.json')).toBe('{"version": 2}');
  expect(await text('runs/copied/history.csv')).toBe('{"version": 2}');
  expect(await text('runs/parts/history.csv')).toBe('parts');
  expect(await readdir(kept)).not.toContain('data');
  expect(await readdir(path.join(kept, 'runs'))).not.toContain('a file.txt');

  await boto3(`
latest = s3.list_object_versions(Bucket=bucket, Prefix="aliases/by-boto3.json")["Versions"][0]
s3.delete_object(Bucket=bucket, Key=latest["Key"], VersionId=latest["VersionId"])
s3.delete_object(Bucket=bucket, Key="runs/copied/history.csv")
s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "runs/parts/history.csv"}]})`);
  expect(await text('aliases/by-boto3.json')).toBe('{"version": 1}');
  await expect(text('runs/copied/history.csv')).rejects.toThrow('ENOENT');
  await expect(text('runs/parts/history.csv')).rejects.toThrow('ENOENT');
});

test('only the model bucket is kept', async () => {
  await other.put('aliases/elsewhere.json', Buffer.from('{}'));
  expect(await readdir(path.join(kept, 'aliases'))).not.toContain('elsewhere.json');
});
