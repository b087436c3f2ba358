/** The faults between a training job and S3 that `docs/faults.md` lists, with the real S3 client and a proxy that injects them. */
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type Fault, type FaultyS3, startFaultyS3 } from '#inference/serving/faulty-s3.fixture.ts';
import { readAlias } from '#models/aliases.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { StoreUnavailable } from '#models/stores/retrying-store.ts';
import { listVersions, readVersion } from '#models/versions.ts';
import type { Dataset } from '../data/dataset.ts';
import { smallDataset } from '../data/small-dataset.fixture.ts';
import { resolveRecipe } from '../recipe/settings.ts';
import type { TrainingEvent } from '../record/events.ts';
import { train } from './train.ts';

const bucket = `s3://training-faults-${randomUUID()}`;
/** Ten steps of 32 images, with a checkpoint after each. */
const recipe = resolveRecipe('tiny', ['heldOut=16', 'batchSize=32', 'epochs=1.25', 'checkpointSeconds=0']);

let data: Dataset;
let proxy: FaultyS3;
/** Past the proxy. */
let store: ObjectStore;
let throughProxy: ObjectStore;
beforeAll(async () => {
  data = await smallDataset(272, 60);
  const { endpoint } = inject('localStack');
  await new S3Client().send(new CreateBucketCommand({ Bucket: bucket.slice('s3://'.length) }));
  proxy = await startFaultyS3(endpoint);
  store = await openObjectStore(bucket, { endpoint });
  throughProxy = await openObjectStore(bucket, { endpoint: proxy.endpoint });
});
afterAll(() => proxy.close());

/** A job on AWS, which can keep nothing but in the bucket. */
async function job(run: string, onEvent: (event: TrainingEvent) => void = () => {}) {
  const events: TrainingEvent[] = [];
  const emit = (event: TrainingEvent) => {
    events.push(event);
    onEvent(event);
  };
  const options = { recipe, seed: 7, data, store: throughProxy, spool: undefined, storeWaits: [0.01], run, emit };
  const outcome = await train({ ...options, resume: './cifar10 submit' }).finally(() => proxy.inject(undefined));
  return { outcome, events };
}

const weightsOf = async (version: string) => (await readVersion(store, version)).file('weights.bin');
const error = (status: number, code: string): Fault => ({ kind: 'error', status, code });
const objects = /runs|models|aliases/;

test('a job whose bucket fails in the middle keeps its last checkpoint, says how to resume, and the next try succeeds', async () => {
  const whole = await job('whole');
  expect(whole.outcome).toMatchObject({ status: 'finished' });

  // What a person has to repair ends the job at the second checkpoint that is refused: what it trained would be lost.
  let kept = 0;
  for (const [fault, message] of [
    [error(404, 'NoSuchBucket'), 'does not exist. Deploy the stack first, or check the name.'],
    [error(403, 'AccessDenied'), 'refuses the request (AccessDenied). Check the credentials and their rights.'],
    [error(400, 'ExpiredToken'), 'AWS credentials for'],
  ] as const) {
    let last = kept;
    const ended = job('a', (event) => {
      if (event.type === 'checkpoint') last = event.step;
      if (event.type === 'checkpoint' && event.step > kept) proxy.inject(fault, objects);
    });
    await expect(ended, message).rejects.toThrow(StoreUnavailable);
    await expect(ended).rejects.toThrow(message);
    await expect(ended).rejects.toThrow(
      `The last checkpoint there is of step ${last}. When the store is available again, resume with: ./cifar10 submit`,
    );
    expect(last).toBe(kept + 1);
    kept = last;
  }

  // What passes is waited for, in the training and in the end; nothing of a version is visible until all of it is there.
  const passing = job('a', (event) => {
    if (event.type === 'checkpoint' && event.step === kept + 1) proxy.inject(error(503, 'SlowDown'), objects, 2);
    if (event.type === 'evaluated') proxy.inject({ kind: 'reset' }, /manifest\.json/);
  });
  await expect(passing).rejects.toThrow(
    /^s3:\/\/\S+ is unavailable \(.*\)\. The last checkpoint there is of step 10\./,
  );
  expect(await listVersions(store)).toEqual([(whole.outcome as { result: { version: string } }).result.version]);

  const { outcome, events } = await job('a');
  expect(events[0]).toMatchObject({ type: 'started', fromStep: 10 });
  if (outcome.status !== 'finished' || whole.outcome.status !== 'finished') throw new Error('It has not finished.');
  expect(await weightsOf(outcome.result.version)).toEqual(await weightsOf(whole.outcome.result.version));
  expect(await listVersions(store)).toHaveLength(2);
  expect((await readAlias(store, 'candidate'))?.version).toBe(outcome.result.version);
});
