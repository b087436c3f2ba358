import { createHash } from 'node:crypto';
import { UserError } from '#errors/user-error.ts';
import { checked } from '#models/json.ts';
import {
  answersKey,
  ClassifyOptions,
  ClassifyResult,
  type ListedPicture,
  parseList,
} from '#models/plans/classify-result.ts';
import { type ItemOf, planKey } from '#models/plans/plan.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { contentTypeOf } from '#models/versions.ts';
import { readBulkModel } from './bulk/bulk-model.ts';
import { type BulkEngine, openBulkEngine } from './bulk/engine.ts';
import type { BulkPicture } from './bulk/open-here.ts';
import { openPictureReader } from './pictures/open-picture-reader.ts';
import type { PictureReader } from './pictures/picture-reader.ts';
import { readAhead } from './pictures/read-ahead.ts';
import type { ShardContext } from './shard-context.ts';

/**
 * Classifies the pictures of a shard's list on all cores, and stores one row for each, in the order of the list: also for those that
 * cannot be read or decoded, were changed, or are gone. Reading, decoding and computing overlap, and memory holds some pictures and
 * the rows of the shard.
 *
 * @throws {UserError} what concerns all pictures: the list is damaged, the version is not there, a right is missing
 */
export async function runShard({ store, planId, plan, item, signal }: ShardContext<'classify'>): Promise<unknown> {
  const options = checked(ClassifyOptions, plan.options, planKey(planId, 'plan.json'));
  const list = await readList(store, planId, item);
  const pictures = plan.items.reduce((sum, { objects }) => sum + objects, 0);
  const engine = await engineFor(store, options, pictures);
  const reader = openPictureReader();
  const began = { at: performance.now(), cpu: process.cpuUsage() };
  let found: Rows;
  try {
    found = await classify(reader, engine, { list, signal });
  } catch (error) {
    if (!(error instanceof UserError)) await closeEngine(); // It may be broken: the next shard opens another one.
    throw error;
  } finally {
    reader.close();
  }
  const { user, system } = process.cpuUsage(began.cpu);
  const { body, ...counts } = found;
  if (counts.rows !== list.length) throw new Error(`${list.length} pictures gave ${counts.rows} rows.`);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const key = answersKey(planId, item.shard, sha256, options.format);
  await store.put(key, body, { contentType: contentTypeOf(key) });
  const result: ClassifyResult = {
    ...counts,
    answers: { key, bytes: body.length, sha256 },
    seconds: (performance.now() - began.at) / 1000,
    cpuSeconds: (user + system) / 1e6,
    engine: engine.describe(),
  };
  return checked(ClassifyResult, result, `The result of ${item.shard}`);
}

interface Rows {
  readonly body: Uint8Array;
  readonly rows: number;
  readonly failed: number;
  readonly changed: number;
}

async function classify(
  reader: PictureReader,
  engine: BulkEngine,
  { list, signal }: { readonly list: readonly ListedPicture[]; readonly signal: AbortSignal },
): Promise<Rows> {
  const ahead = readAhead(list, reader);
  let [changed, failed] = [0, 0];
  async function* pictures(): AsyncGenerator<BulkPicture> {
    for await (const [{ file }, read] of ahead.pictures) {
      signal.throwIfAborted();
      if ('bytes' in read) {
        yield { file, bytes: read.bytes };
        continue;
      }
      changed += Number(read.isChanged);
      yield { file, problem: read.problem };
    }
  }
  const texts: string[] = [];
  for await (const rows of engine.rows(pictures())) {
    for (const { text, isFailed } of rows) {
      texts.push(text);
      failed += Number(isFailed);
      ahead.release();
    }
  }
  const refusal = reader.refusal();
  if (refusal) throw refusal;
  return { body: new TextEncoder().encode(texts.join('')), rows: texts.length, failed, changed };
}

async function readList(store: ObjectStore, planId: string, { list }: ItemOf<'classify'>): Promise<ListedPicture[]> {
  const key = planKey(planId, list.key);
  const object = await store.get(key);
  if (object === undefined) throw new UserError(`${key} is gone: nothing says which pictures the shard has.`);
  if (createHash('sha256').update(object.body).digest('hex') !== list.sha256) {
    throw new UserError(`${key} is damaged: its content has another digest than the plan says.`);
  }
  return parseList(object.body, key);
}

/** That of the shard before, if it serves this one, too: a child has shards of one plan. */
let opened: { readonly of: string; readonly engine: Promise<BulkEngine> } | undefined;

/** @param pictures of the whole plan, by which every child chooses its engine */
async function engineFor(store: ObjectStore, options: ClassifyOptions, pictures: number): Promise<BulkEngine> {
  const of = JSON.stringify([store.url, options, pictures]);
  if (opened?.of === of) return opened.engine;
  const before = closeEngine();
  const { version, format, topK, strict } = options;
  const engine = readBulkModel(store, version).then((model) =>
    openBulkEngine(model, { format, topK, strict, width: 0, pictures }),
  );
  opened = { of, engine };
  engine.catch(() => (opened = undefined)); // The next shard tries again.
  await before;
  return engine;
}

/** Ends the threads that shards have left to the next one. */
export async function closeEngine(): Promise<void> {
  const engine = opened?.engine.catch(() => undefined);
  opened = undefined;
  await (await engine)?.close();
}
