import { createHash } from 'node:crypto';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { encode } from 'fast-png';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { exampleModel, examplePixels } from '#inference/serving/example-model.fixture.ts';
import { ClassifyResult, type ListedPicture, listLine } from '#models/plans/classify-result.ts';
import { createPlan, makePlan, type PlanOf, planId, planKey } from '#models/plans/plan.ts';
import { readResults } from '#models/plans/results.ts';
import { missingShards } from '#models/plans/shards.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { Killed, killableStore } from '#models/stores/interrupted-store.ts';
import { MissingPart, type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { type LoopbackBucket, startBucket } from '#training/datasets/elsewhere/bucket.fixture.ts';
import { csvFieldsOf } from './bulk/formats.ts';
import { closeEngine, runShard } from './classify-shard.ts';
import { mergeAnswers } from './merge-answers.ts';
import { fileTag } from './pictures/file-reader.ts';
import { runShards } from './run-shards.ts';

let folder: string;
let store: ObjectStore;
let version: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'classify-shard-'));
  store = folderStore(join(folder, 'store'));
  version = await publishVersion(store, await exampleModel());
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(async () => {
  await closeEngine();
  await rm(folder, { recursive: true });
});

const png = (seed: number) => Buffer.from(encode({ width: 32, height: 32, channels: 3, data: examplePixels(seed) }));

/** Numbers in [0, 1) that follow from a seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A plan whose shards have so many pictures each. */
async function givenPlan(
  pictures: readonly ListedPicture[],
  { size = 4, format = 'jsonl' }: { readonly size?: number; readonly format?: 'jsonl' | 'csv' } = {},
): Promise<{ readonly id: string; readonly plan: PlanOf<'classify'> }> {
  const lists = Array.from({ length: Math.ceil(pictures.length / size) }, (_, index) =>
    Buffer.from(
      pictures
        .slice(index * size, (index + 1) * size)
        .map(listLine)
        .join(''),
    ),
  );
  const items = lists.map((body, index) => ({
    list: { key: `lists/${index}.jsonl`, sha256: createHash('sha256').update(body).digest('hex') },
    objects: Math.min(size, pictures.length - index * size),
    bytes: 1,
  }));
  const options = { pictures: 's3://pictures', version, format, strict: false };
  const plan = makePlan({ kind: 'classify', code: '0'.repeat(64), options, items });
  const id = planId(plan);
  for (const [index, body] of lists.entries()) await store.put(planKey(id, `lists/${index}.jsonl`), body);
  await createPlan(store, plan);
  return { id, plan };
}

/** A child that does the given shards. */
async function work(
  { id, plan }: { readonly id: string; readonly plan: PlanOf<'classify'> },
  { on = store, shards }: { readonly on?: ObjectStore; readonly shards?: readonly string[] } = {},
) {
  const counts = await runShards({
    ...{ store: on, planId: id, plan, shards: shards ?? (await missingShards(store, id, plan)) },
    ...{ worker: { submission: '0001', child: 0 }, runShard: runShard as never },
    ...{ signal: new AbortController().signal, log: () => {} },
  });
  await mergeAnswers(on, id, plan);
  return counts;
}

async function rowsOf(
  id: string,
): Promise<{ readonly file: string; readonly label?: string; readonly error?: { readonly detail: string } }[]> {
  const table = await store.get(`batches/${id}/answers.jsonl`);
  return Buffer.from(table!.body)
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Pictures of a bucket as they are now. */
const listed = ({ objects }: LoopbackBucket): ListedPicture[] =>
  [...objects].map(([key, body]) => ({
    file: `s3://pictures/${key}`,
    etag: `"${createHash('md5').update(body).digest('hex')}"`,
    size: body.length,
  }));

describe('a classification of a bucket', () => {
  it.each([1, 2])(
    'has a row for each picture, in order, whatever is broken, changes, goes, fails, is killed or done twice (%d)',
    async (seed) => {
      const random = randomFrom(seed);
      const chance = (share: number) => random() < share;
      const names = Array.from({ length: 30 }, (_, index) => `p ${String(index).padStart(2, '0')}/ü+(${index})'!.png`);
      const bodies = names.map(
        (_, index) => [png(index), Buffer.from('no picture'), Buffer.alloc(0)][chance(0.8) ? 0 : chance(0.7) ? 1 : 2]!,
      );
      await using bucket = await startBucket(
        'pictures',
        Object.fromEntries(names.map((name, index) => [name, bodies[index]!])),
      );
      const list = listed(bucket);
      const planned = await givenPlan(list, { size: 1 + Math.floor(8 * random()) });
      const changed = new Set<string>();
      for (const [index, name] of names.entries()) {
        if (!chance(0.25)) continue;
        changed.add(name);
        if (chance(0.5)) bucket.objects.set(name, png(1000 + index));
        else bucket.objects.delete(name);
      }

      // Children that die before some write, then two at once that live.
      for (let death = 0; death < 3; death++) {
        bucket.faults.push(...(chance(0.5) ? [{ status: 503, code: 'SlowDown' }] : ['break' as const]));
        const lives = Math.floor(12 * random());
        let writes = 0;
        const killable = killableStore(store, () => writes++ >= lives);
        await work(planned, { on: killable.store }).catch((error: unknown) => expect(error).toBeInstanceOf(Killed));
      }
      const shards = planned.plan.items.map(({ shard }) => shard);
      const missing = await missingShards(store, planned.id, planned.plan);
      await Promise.all([work(planned, { shards: missing }), work(planned, { shards: missing.toReversed() })]);

      const rows = await rowsOf(planned.id);
      expect(rows.map(({ file }) => file)).toEqual(list.map(({ file }) => file));
      for (const [index, { file, label, error }] of rows.entries()) {
        const name = names[index]!;
        const isChanged = changed.has(name);
        if (isChanged)
          expect(error?.detail).toMatch(
            `${file} was ${bucket.objects.has(name) ? 'changed' : 'removed'} after the list`,
          );
        else if (bodies[index]!.length > 100) expect(label, file).toBeDefined();
        else expect(error, file).toBeDefined();
      }
      const results: ClassifyResult[] = [];
      for await (const { result } of readResults(store, planned.id, shards))
        results.push(ClassifyResult.parse(result.result));
      expect(results).toHaveLength(shards.length);
      const sum = (of: (result: ClassifyResult) => number) => results.reduce((total, each) => total + of(each), 0);
      expect([sum(({ rows: count }) => count), sum(({ changed: count }) => count)]).toEqual([30, changed.size]);
      expect(sum(({ failed }) => failed)).toBe(rows.filter(({ error }) => error).length);
    },
  );

  it('says once that the pictures may not be read, and tells them from those that are gone', async () => {
    await using bucket = await startBucket('pictures', { 'a.png': png(1), 'b.png': png(2) });
    const list = listed(bucket);
    const planned = await givenPlan(list, { size: 2 });
    // Without the right to list, S3 answers 403 for what is gone; with it, the list tells.
    bucket.faults.push({ status: 403, code: 'AccessDenied' }, { status: 403, code: 'AccessDenied' });

    expect(await work(planned)).toMatchObject({ done: 0, failed: 1 });

    const failures: string[] = [];
    for await (const { key } of store.list(`plans/${planned.id}/failures/`)) {
      failures.push(Buffer.from((await store.get(key))!.body).toString());
    }
    expect(failures.join()).toContain('s3://pictures/a.png may not be read (AccessDenied)');
    expect(failures.join()).toContain('--pictures pictures');
    bucket.objects.delete('a.png');
    bucket.faults.push({ status: 403, code: 'AccessDenied' });
    expect(await work(planned)).toMatchObject({ done: 1 });
    const [first] = await rowsOf(planned.id);
    expect(first?.error?.detail).toBe('s3://pictures/a.png was removed after the list was made.');
  });

  it.each([
    [403, 'AccessDenied'],
    [400, 'KMS.DisabledException'],
  ])('has a row for an object that alone is refused (%d %s)', async (status, code) => {
    await using bucket = await startBucket('pictures', { 'a.png': png(status), 'b.png': png(2) });
    const planned = await givenPlan(listed(bucket), { size: 2 });
    bucket.faults.push({ status, code });

    expect(await work(planned)).toMatchObject({ done: 1, failed: 0 });

    expect(await rowsOf(planned.id)).toMatchObject([
      { error: { detail: expect.stringContaining(`s3://pictures/a.png may not be read (${code})`) } },
      { file: 's3://pictures/b.png', label: expect.any(String) },
    ]);
  });

  it.each([
    [400, 'ExpiredToken', 'does not give s3://pictures/a.png (400 ExpiredToken)'],
    [403, 'InvalidAccessKeyId', 'does not give s3://pictures/a.png (403 InvalidAccessKeyId)'],
    [404, 'NoSuchBucket', 's3://pictures does not exist any more'],
    [301, 'PermanentRedirect', 's3://pictures is in another region'],
  ])('fails where an answer concerns all objects: %d %s', async (status, code, message) => {
    await using bucket = await startBucket('pictures', { 'a.png': png(1), 'b.png': png(2) });
    const { id, plan } = await givenPlan(listed(bucket), { size: 2 });
    bucket.faults.push({ status, code });
    const context = { store, planId: id, plan, item: plan.items[0]!, attempt: 'any', log: () => {} };

    await expect(runShard({ ...context, signal: new AbortController().signal })).rejects.toThrow(message);
  });

  it('names an object that its archive has to give back first', async () => {
    await using bucket = await startBucket('pictures', { 'a.png': png(1) });
    const planned = await givenPlan(listed(bucket));
    bucket.faults.push({ status: 403, code: 'InvalidObjectState' });

    await work(planned);

    expect((await rowsOf(planned.id))[0]?.error?.detail).toContain('is in an archive of S3');
  });
});

describe('a classification of files', () => {
  it('writes CSV with one header, and a row for what was changed or was never there', async () => {
    const file = (name: string) => join(folder, name);
    for (const [index, name] of ['a.png', 'b.png', 'c.png'].entries()) await writeFile(file(name), png(index));
    const list: ListedPicture[] = [];
    for (const name of ['a.png', 'b.png', 'c.png']) {
      const { statSync } = await import('node:fs');
      const stats = statSync(file(name));
      list.push({ file: file(name), etag: fileTag(stats), size: stats.size });
    }
    list.push({ file: file('d.png'), size: 0 });
    const planned = await givenPlan(list, { size: 2, format: 'csv' });
    await utimes(file('b.png'), 1, 1);
    await rm(file('c.png'));

    await work(planned);

    const table = Buffer.from((await store.get(`batches/${planned.id}/answers.csv`))!.body).toString();
    const [header, ...rows] = table.trimEnd().split('\n').map(csvFieldsOf);
    expect(header?.slice(0, 2)).toEqual(['file', 'label']);
    expect(rows.map((row) => [row[0], row.at(-1)])).toEqual([
      [file('a.png'), ''],
      [file('b.png'), expect.stringContaining('was changed after the list')],
      [file('c.png'), expect.stringContaining('was removed after the list')],
      [file('d.png'), expect.stringContaining('was not there')],
    ]);
  });

  it('is merged by a writer that S3 refused while another one was writing, and not if it is refused for ever', async () => {
    const planned = await givenPlan([{ file: join(folder, 'none.png'), size: 0 }]);
    let refused = 0;
    const busy: ObjectStore = {
      ...store,
      concatenate(key, parts, options) {
        if (++refused <= 2) throw new WriteConflict(key); // As S3 answers with 409.
        return store.concatenate(key, parts, options);
      },
    };

    const never: ObjectStore = { ...store, concatenate: (key) => Promise.reject(new WriteConflict(key)) };
    await expect(work(planned, { on: never })).rejects.toThrow(WriteConflict);
    await work(planned, { on: busy });

    expect(await rowsOf(planned.id)).toHaveLength(1);
    expect(refused).toBe(3);
  });

  it('leaves the engine to the next shard, but one that an error may have broken', async () => {
    const list = Array.from({ length: 200 }, (_, index) => ({ file: join(folder, `none-${index}.png`), size: 0 }));
    const { id, plan } = await givenPlan(list, { size: 200 });
    const controller = new AbortController();
    const workers: Worker[] = [];
    const onWorker = (worker: Worker) => {
      workers.push(worker);
      controller.abort(new Error('Stop.'));
    };
    process.on('worker', onWorker);
    try {
      const context = { store, planId: id, plan, item: plan.items[0]!, attempt: 'any', log: () => {} };
      await expect(runShard({ ...context, signal: controller.signal })).rejects.toThrow('Stop.');
      expect(workers.map(({ threadId }) => threadId)).toEqual(workers.map(() => -1));

      const { signal } = new AbortController();
      workers.length = 0;
      await runShard({ ...context, signal });
      const started = workers.length;
      await runShard({ ...context, signal });
      expect(started).toBeGreaterThan(0);
      expect(workers).toHaveLength(started);
    } finally {
      process.off('worker', onWorker);
    }
  });

  it('merges nothing while a shard is missing, and says which rows are lost', async () => {
    const list = [1, 2].map((index) => ({ file: join(folder, `none-${index}.png`), size: 0 }));
    const planned = await givenPlan(list, { size: 1 });
    const [first, second] = planned.plan.items.map(({ shard }) => shard);

    await work(planned, { shards: [first!] });

    expect(await mergeAnswers(store, planned.id, planned.plan)).toBeUndefined();
    const rows: string[] = [];
    for await (const { key } of store.list(`batches/${planned.id}/answers/`)) rows.push(key);
    await store.delete(rows[0]!);
    await expect(work(planned, { shards: [second!] })).rejects.toThrow(MissingPart);
  });
});
