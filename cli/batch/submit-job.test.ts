import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeJson } from '#models/json.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { createSubmission, readSubmission } from '#models/submissions.ts';
import { openDataset } from '#training/datasets/open-dataset.ts';
import { loadPacked } from '#training/datasets/packed/open-packed.ts';
import { catsAndDogs, png, temporaryFolder, writeFiles } from '#training/datasets/pictures/pictures.fixture.ts';
import { type AwsAnswer, type AwsRequest, outputs, startAwsServer } from './aws-server.fixture.ts';
import { submitJob } from './submit-job.ts';

const [first, second] = ['20261123-0412-a1b2c3d4', '20261124-0412-d4c3b2a1'];
let folder: string;
let store: ObjectStore;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'submit-'));
  store = await openObjectStore(folder);
});
afterEach(async () => rm(folder, { recursive: true }));

/** Stores all of a version that its existence is told by. */
async function storeVersion(id: string): Promise<void> {
  await store.put(`models/${id}/manifest.json`, encodeJson({}));
}

async function promote(version: string): Promise<void> {
  const alias = { version, previous: null, by: 'test', at: new Date().toISOString(), reason: null };
  await store.put('aliases/production.json', encodeJson(alias));
}

/** Batch that takes every job and has none. */
function batch({ operation }: AwsRequest): AwsAnswer {
  if (operation === 'SubmitJob') return { output: { jobId: 'a1', jobName: 'x' } };
  return { output: operation === 'ListJobs' ? { jobSummaryList: [] } : { jobs: [] } };
}

const submissionsOf = (requests: readonly AwsRequest[]) =>
  requests.filter(({ operation }) => operation === 'SubmitJob').map(({ input }) => input);

describe('submitJob', () => {
  it('submits to the queue for GPUs, or that for CPUs, with its job definition', async () => {
    await using aws = await startAwsServer(batch);
    const target = aws.target(store);

    await submitJob(target, { recipe: 'quick' });
    expect(await submitJob(target, { recipe: 'quick', on: 'cpu' })).toMatchObject({ id: 'a1', device: 'cpu' });

    expect(submissionsOf(aws.requests)).toMatchObject([
      { jobQueue: 'gpu-queue', jobDefinition: 'gpu-definition' },
      { jobQueue: 'cpu-queue', jobDefinition: 'cpu-definition' },
    ]);
  });

  it('says how to get a queue for CPUs, where an earlier release deployed the stack', async () => {
    await using aws = await startAwsServer(batch);
    const { CpuJobQueueArn, CpuJobDefinitionName, ...stack } = outputs;

    await expect(submitJob(aws.target(store, { stack }), { on: 'cpu' })).rejects.toThrow(
      'The stack has no queue for CPUs: an earlier release deployed it. Update it with "./cifar10 deploy --target aws".',
    );
    expect(aws.requests).toEqual([]);
  });

  it('gives the job the version that an alias means, which its role cannot read', async () => {
    await using aws = await startAwsServer(batch);
    await storeVersion(first);
    await promote(first);

    await submitJob(aws.target(store), { from: 'production', run: 'monday' });

    const command = ['train', '--run', 'monday', '--from', first];
    expect(submissionsOf(aws.requests)).toMatchObject([{ containerOverrides: { command } }]);
    expect(await readSubmission(store, 'monday')).toMatchObject({ command });
  });

  it('passes on that all weights are to be drawn', async () => {
    await using aws = await startAwsServer(batch);
    const { command } = await submitJob(aws.target(store), { recipe: 'minute', from: 'none', run: 'monday' });
    expect(command).toEqual(['train', 'minute', '--run', 'monday', '--from', 'none']);
  });

  it('resumes a run from the version that it began from, and says so, when the alias has moved', async () => {
    await using aws = await startAwsServer(batch);
    const target = aws.target(store);
    for (const version of [first, second]) await storeVersion(version);
    await promote(first);
    await submitJob(target, { from: 'production', run: 'monday' });
    await promote(second);

    const again = await submitJob(target, { from: 'production', run: 'monday' });

    expect(again.command).toEqual(['train', '--run', 'monday', '--from', first]);
    expect(again.note).toBe(
      `production means ${second} now. The run monday began from ${first} and continues with that; for the other, choose another name.`,
    );
    await expect(submitJob(target, { from: second, run: 'monday' })).rejects.toThrow('was submitted as');
    await expect(submitJob(target, { from: 'production', seed: 2, run: 'monday' })).rejects.toThrow('was submitted as');
  });

  it('resumes a run whose alias an earlier release recorded, from what it began from', async () => {
    await using aws = await startAwsServer(batch);
    for (const version of [first, second]) await storeVersion(version);
    await promote(second);
    const command = ['train', '--run', 'monday', '--from', 'production'];
    await createSubmission(store, 'monday', { at: new Date().toISOString(), by: 'test', command });

    expect((await submitJob(aws.target(store), { from: 'production', run: 'monday' })).command).toEqual([
      ...['train', '--run', 'monday', '--from', second],
    ]);
  });

  it('does not submit a run that the stack is about to submit again, on demand', async () => {
    const statusReason = 'Host EC2 (instance i-0a1b) terminated.';
    const job = { jobId: 'a1', jobName: 'monday', jobQueue: 'gpu-queue', status: 'FAILED', statusReason };
    const command = ['train', 'quick', '--run', 'monday'];
    await createSubmission(store, 'monday', { at: new Date().toISOString(), by: 'test', command });
    let stoppedAt = Date.now();
    await using aws = await startAwsServer(({ operation, input }) => {
      if (operation === 'SubmitJob') return { output: { jobId: 'b2', jobName: 'monday' } };
      if (operation === 'DescribeJobs') return { output: { jobs: [{ ...job, stoppedAt, container: { command } }] } };
      return { output: { jobSummaryList: input.jobQueue === 'gpu-queue' ? [job] : [] } };
    });
    const target = aws.target(store, { stack: { ...outputs, OnDemandJobQueueArn: 'on-demand' } });

    await expect(submitJob(target, { run: 'monday' })).rejects.toThrow('resumes on demand in a moment');

    stoppedAt -= 300_000;
    expect((await submitJob(target, { run: 'monday' })).id).toBe('b2');
  });

  it('refuses a version that does not exist, a file, and settings that contradict each other, before a machine is paid for', async () => {
    await using aws = await startAwsServer(batch);
    const target = aws.target(store);

    await expect(submitJob(target, { recipe: 'short', set: ['averageLast=0.5'] })).rejects.toThrow(
      'lookahead=5 and averageLast=0.5 each keep an average of the weights',
    );
    await expect(submitJob(target, { from: first })).rejects.toThrow(`has no such version: ${first}`);
    await expect(submitJob(target, { from: 'mine.h5' })).rejects.toThrow(
      'A job cannot read mine.h5, a file of this machine. Train from it here with "./cifar10 train --from mine.h5"',
    );
    expect(aws.requests).toEqual([]);
  });

  it('puts the pictures of this machine into the bucket, once, and gives the job their address', async () => {
    await using aws = await startAwsServer(batch);
    const pictures = await temporaryFolder();
    try {
      const photos = path.join(pictures.folder, 'Photos');
      await writeFiles(photos, catsAndDogs(10));
      const target = aws.target(store);
      const { command } = await submitJob(target, { recipe: 'minute', data: photos, run: 'monday' });
      const [, folder] = /^(data\/photos\/[0-9a-f]{64})$/.exec(command.at(-1)!.slice(store.url.length + 1)) ?? [];
      expect(command).toEqual(['train', 'minute', '--run', 'monday', '--data', `${store.url}/${folder}`]);
      expect(await loadPacked(store, folder!, {})).toEqual(await openDataset(photos));
      const again = await submitJob(target, { recipe: 'minute', data: photos, run: 'monday' });
      expect(again.command).toEqual(command);
      const other = await submitJob(target, { recipe: 'minute', data: photos, set: ['imageSize=48'] });
      expect(other.command).not.toContain(`${store.url}/${folder}`);
      await writeFiles(photos, { 'cats/more.png': png(5_000) });
      await expect(submitJob(target, { recipe: 'minute', data: photos, run: 'monday' })).rejects.toThrow(
        'was submitted as',
      );
    } finally {
      await pictures.remove();
    }
  });

  it('refuses pictures that cannot be trained on before anything is put or paid for', async () => {
    await using aws = await startAwsServer(batch);
    const pictures = await temporaryFolder();
    try {
      await writeFiles(pictures.folder, { 'p/cats/1.png': png(1) });
      const submitted = submitJob(aws.target(store), { data: path.join(pictures.folder, 'p') });
      await expect(submitted).rejects.toThrow('has one class, "cats"');
      await expect(submitJob(aws.target(store), { data: 'nowhere' })).rejects.toThrow('There is no data set "nowhere"');
      const larger = submitJob(aws.target(store), { data: 'cifar10', set: ['imageSize=48'] });
      await expect(larger).rejects.toThrow('The images of cifar10 have 32x32 pixels');
      const photos = path.join(pictures.folder, 'photos');
      await writeFiles(photos, { ...catsAndDogs(10), 'cats/empty.png': '' });
      await expect(submitJob(aws.target(store), { data: photos })).rejects.toThrow('cats/empty.png is empty');
      expect(aws.requests).toEqual([]);
      expect((await store.list('')[Symbol.asyncIterator]().next()).done).toBe(true);

      const { command } = await submitJob(aws.target(store), { data: photos }, { onBad: 'skip' });
      expect(command).toContain('--data');
    } finally {
      await pictures.remove();
    }
  });

  it('waits and tries again when Batch throttles', async () => {
    let left = 2;
    await using aws = await startAwsServer((request) =>
      request.operation === 'SubmitJob' && left-- > 0
        ? { error: 'TooManyRequestsException', status: 429, message: 'Too Many Requests' }
        : batch(request),
    );

    expect((await submitJob(aws.target(store), {})).id).toBe('a1');
    expect(submissionsOf(aws.requests)).toHaveLength(3);
  });

  it('does not submit twice when the answer is lost', async () => {
    const job = { jobId: 'taken', jobName: 'monday', jobQueue: 'gpu-queue', status: 'RUNNABLE' };
    const container = { command: ['train', 'quick', '--run', 'monday'] };
    await using aws = await startAwsServer(({ operation, input }) => {
      if (operation === 'SubmitJob') return { error: 'ServerException', status: 500 };
      if (operation === 'DescribeJobs') return { output: { jobs: [{ ...job, container }] } };
      return { output: { jobSummaryList: input.jobQueue === 'gpu-queue' ? [job] : [] } };
    });

    expect((await submitJob(aws.target(store), { run: 'monday' })).id).toBe('taken');
    expect(submissionsOf(aws.requests)).toHaveLength(1);
  });

  it.each([
    [{ state: 'DISABLED', status: 'VALID' }, [{}], 'aws batch update-job-queue --state ENABLED --job-queue gpu-queue'],
    [{ state: 'ENABLED', status: 'INVALID', statusReason: 'gone' }, [{}], 'The queue is INVALID (gone). Deploy'],
    [{ state: 'ENABLED', status: 'VALID' }, [], 'gpu-definition has no active revision. Deploy the stack again'],
    [
      undefined,
      [{}],
      'The queue gpu-queue does not exist. Deploy the stack again with "./cifar10 deploy --target aws".',
    ],
  ])('says what to do when Batch refuses a job, its queue being %j', async (queue, jobDefinitions, remedy) => {
    await using aws = await startAwsServer(({ operation }) => {
      if (operation === 'SubmitJob') return { error: 'ClientException', message: 'Error executing request' };
      return { output: operation === 'DescribeJobQueues' ? { jobQueues: queue ? [queue] : [] } : { jobDefinitions } };
    });

    const refused = submitJob(aws.target(store), {});
    await expect(refused).rejects.toThrow(/^Batch does not take the job: Error executing request\. /);
    await expect(refused).rejects.toThrow(remedy);
  });
});
