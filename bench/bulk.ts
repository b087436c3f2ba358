import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { encode } from 'fast-png';
import { draftPlan } from '#cli/classify/array/draft-plan.ts';
import { listBucket } from '#cli/classify/array/list-pictures.ts';
import { answeringVersion } from '#cli/classify/local-model.ts';
import { followPlanJobs } from '#cli/fleet/follow-plan.ts';
import { submitPlan } from '#cli/fleet/submit-plan.ts';
import { deploy } from '#cli/stack/deploy.ts';
import { localTarget } from '#cli/stack/target.ts';
import { mapInOrder } from '#environment/map-in-order.ts';
import { UserError } from '#errors/user-error.ts';
import { readBulkModel } from '#jobs/bulk/bulk-model.ts';
import { openBulkEngine } from '#jobs/bulk/engine.ts';
import { mergeAnswers } from '#jobs/merge-answers.ts';
import { startLocalStack, stopLocalStack } from '#local/localstack.ts';
import { restoreModels } from '#local/mirror.ts';
import { ClassifyResult } from '#models/plans/classify-result.ts';
import { readResults } from '#models/plans/results.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { s3Client } from '#models/stores/s3-client.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { random } from '#training/random/random.ts';
import { descendantsOf } from '../test/processes.ts';
import { writeResults } from './results.ts';

interface Options {
  readonly pictures: number;
  readonly store: string;
  readonly kills: number;
  readonly seed: number;
}

/** Objects that are put at a time. */
const AT_ONCE = 16;
const BYTES = 32 * 32 * 3;

/**
 * Puts CIFAR-10 as PNG files into the bucket of a stack on LocalStack, classifies them by an array job while children are killed, and
 * counts the rows. LocalStack shares the cores, so the speed of a child is told by its processor time: a picture's in a child,
 * beside a picture's of the engine alone on the same bytes in memory.
 *
 * @throws {UserError} a row is lost, or there twice
 */
export async function benchmarkBulk({ pictures: count, store: kept, kills, seed }: Options): Promise<void> {
  const root = await mkdtemp(path.join(tmpdir(), 'bulk-'));
  const local = path.join(root, 'local');
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const { train } = await loadCifar10();
  const png = (index: number) => {
    const at = (index % train.labels.length) * BYTES;
    return encode({ width: 32, height: 32, channels: 3, data: train.images.subarray(at, at + BYTES) });
  };
  const source = await openObjectStore(kept);
  const { version } = await answeringVersion(source, undefined);
  const engine = await engineAlone(await readBulkModel(source, version), Math.min(count, 5_000), png);
  log(`the engine alone: ${(1000 * engine.cpuSeconds).toFixed(2)} ms of processor time a picture, ${engine.by}`);
  try {
    log('starts LocalStack and deploys the stack');
    const { endpoint, pid } = await startLocalStack({
      folder: local,
      port: 'any',
      bound: true,
      store: path.join(root, 'store'),
    });
    const target = localTarget(endpoint);
    await deploy(target).catch(() => deploy(target)); // A loaded machine may break a connection.
    const store = await target.store();
    await restoreModels(store, kept);
    const { BucketName: bucket } = await target.stack();
    const client = s3Client(target.clientConfig);
    log(`puts ${count} pictures into the bucket`);
    const indices = Array.from({ length: count }, (_, index) => index);
    const put = (index: number) =>
      client.send(new PutObjectCommand({ Bucket: bucket, Key: `pictures/bulk/${keyOf(index)}`, Body: png(index) }));
    for await (const _ of mapInOrder(indices, AT_ONCE, put));

    const began = performance.now();
    const place = { bucket, key: 'pictures/bulk' };
    const draft = await draftPlan(listBucket(client, place, { others: 0 }), {
      ...{ pictures: `s3://${bucket}/pictures/bulk`, version, format: 'jsonl', strict: false },
    });
    await draft.store(store);
    await draft.remove();
    const listed = performance.now();
    await submitPlan(target, draft, { atMost: 1 });
    const watch = new AbortController();
    const watched = watchChildren(pid, { kills, draw: random(seed), signal: watch.signal, log });
    let state = await followPlanJobs(target, draft.id, {
      onState: ({ done, total }) => log(`${done} of ${total} shards`),
    });
    for (let again = 0; state.done < state.total && again < 3 + kills; again++) {
      await submitPlan(target, draft, { atMost: 1 });
      state = await followPlanJobs(target, draft.id);
    }
    watch.abort();
    const { killed, peakBytes } = await watched;
    const done = performance.now();

    const table = await mergeAnswers(store, draft.id, draft.plan);
    const key = table!.key;
    await store.delete(key);
    const merging = performance.now();
    await mergeAnswers(store, draft.id, draft.plan);
    const mergeSeconds = (performance.now() - merging) / 1000;
    const rows = Buffer.from((await store.get(key))!.body)
      .toString()
      .trimEnd()
      .split('\n');
    const files = rows.map((row) => (JSON.parse(row) as { readonly file: string }).file);
    const distinct = new Set(files);
    const expected = indices.map((index) => `s3://${bucket}/pictures/bulk/${keyOf(index)}`);
    const results: ClassifyResult[] = [];
    const shards = draft.plan.items.map(({ shard }) => shard);
    for await (const { result } of readResults(store, draft.id, shards))
      results.push(ClassifyResult.parse(result.result));
    const cpuSeconds = results.reduce((sum, each) => sum + each.cpuSeconds, 0) / count;
    const figures = {
      ...{ pictures: count, shards: shards.length, killed, rows: rows.length },
      ...{ doubles: rows.length - distinct.size, losses: expected.filter((file) => !distinct.has(file)).length },
      ...{ isInOrder: files.every((file, index) => file === expected[index]), failed: table!.failed },
      ...{ listSeconds: (listed - began) / 1000, classifySeconds: (done - listed) / 1000, mergeSeconds },
      ...{ tableBytes: table!.bytes, childPeakBytes: peakBytes },
      millisecondsOfProcessorTime: { engine: 1000 * engine.cpuSeconds, child: 1000 * cpuSeconds },
      ...{
        shareOfEngineSpeed: engine.cpuSeconds / cpuSeconds,
        engines: [...new Set(results.map((each) => each.engine))],
      },
    };
    const ending = await writeResults(
      'bulk',
      `npm run bench -- bulk --pictures ${count} --kills ${kills} --seed ${seed}`,
      figures,
    );
    process.stdout.write(
      `${[
        `${count} pictures in ${shards.length} shards, ${killed} children killed: ${figures.rows} rows, doubles ${figures.doubles}, losses ${figures.losses}, ${figures.isInOrder ? 'in order' : 'not in order'}`,
        `a picture: ${(1000 * cpuSeconds).toFixed(2)} ms of processor time in a child, ${(1000 * engine.cpuSeconds).toFixed(2)} in the engine alone: ${Math.round(100 * figures.shareOfEngineSpeed)} % of its speed`,
        `listed in ${figures.listSeconds.toFixed(1)} s, classified in ${figures.classifySeconds.toFixed(0)} s, merged in ${mergeSeconds.toFixed(1)} s; a child had ${Math.round(peakBytes / 1e6)} MB at most`,
        ...ending,
      ].join('\n')}\n`,
    );
    if (figures.doubles + figures.losses > 0 || !figures.isInOrder)
      throw new UserError('Rows were lost, there twice, or not in order.');
  } finally {
    await stopLocalStack(local);
    await rm(root, { recursive: true, force: true });
  }
}

function keyOf(index: number): string {
  return `${String(index).padStart(7, '0')}.png`;
}

/** A picture's processor time, of pictures that are in memory. */
async function engineAlone(
  model: Parameters<typeof openBulkEngine>[0],
  count: number,
  png: (index: number) => Uint8Array,
) {
  const engine = await openBulkEngine(model, { format: 'jsonl', width: 0, pictures: count });
  const files = Array.from({ length: count }, (_, index) => ({ file: keyOf(index), bytes: png(index) }));
  const classify = async () => {
    const given = (async function* () {
      yield* files;
    })();
    for await (const _ of engine.rows(given));
  };
  await classify(); // The first time waits for the compiler.
  const before = process.cpuUsage();
  await classify();
  const { user, system } = process.cpuUsage(before);
  const by = engine.describe();
  await engine.close();
  return { cpuSeconds: (user + system) / 1e6 / count, by };
}

interface Watching {
  readonly kills: number;
  readonly draw: ReturnType<typeof random>;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Kills children of LocalStack at random moments, and sees how much memory they have at most. */
async function watchChildren(pid: number, { kills, draw, signal, log }: Watching) {
  let [killed, peakBytes] = [0, 0];
  let nextKill = performance.now() + 5_000 + draw.integer(10_000);
  while (!signal.aborted) {
    const children = (await descendantsOf(pid)).filter(({ command }) => command.includes(' shards --plan'));
    for (const child of children) {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
      peakBytes = Math.max(peakBytes, 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    }
    const victim = children.at(-1);
    if (victim && killed < kills && performance.now() > nextKill) {
      process.kill(victim.pid, 'SIGKILL');
      log(`killed a child, ${++killed} of ${kills}`);
      nextKill = performance.now() + 5_000 + draw.integer(10_000);
    }
    await sleep(500, undefined, { signal }).catch(() => {});
  }
  return { killed, peakBytes };
}
