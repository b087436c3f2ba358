import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, type S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { makeFolder } from '#environment/make-folder.ts';
import { shellWord } from '#environment/shell-word.ts';
import { systemError } from '#errors/system-error.ts';
import { UsageError } from '#errors/user-error.ts';
import { type BulkModel, readBulkModel } from '#jobs/bulk/bulk-model.ts';
import { checkTopK } from '#jobs/bulk/check-top-k.ts';
import type { AnswerFormat } from '#jobs/bulk/formats.ts';
import { type MergedTable, mergeAnswers } from '#jobs/merge-answers.ts';
import { MOST_BYTES } from '#jobs/pictures/picture-reader.ts';
import { type ListedPicture, type TableFormat, tableFormats } from '#models/plans/classify-result.ts';
import { missingShards } from '#models/plans/shards.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { s3Client } from '#models/stores/s3-client.ts';
import { progressLine } from '#training/commands/progress-line.ts';
import { bucketPlace, isInBucket } from '#training/datasets/elsewhere/bucket.ts';
import { suffixOf } from '../../batch/batch-jobs.ts';
import { readCapacity } from '../../batch/queue-capacity.ts';
import { confirmEstimate, describeEstimate, estimatePlan } from '../../fleet/estimate.ts';
import { followPlan } from '../../fleet/follow-plan.ts';
import { describeReceipt, receiptOf } from '../../fleet/receipt.ts';
import { runPlanOnTerminal } from '../../fleet/run-on-terminal.ts';
import { planQueue, type StoredPlan, submitPlan } from '../../fleet/submit-plan.ts';
import { openTarget, type StackOutputs, type Target, type TargetName, type TargetOptions } from '../../stack/target.ts';
import type { Passed } from '../find-pictures.ts';
import { formatOf } from '../format-of.ts';
import { answeringVersion } from '../local-model.ts';
import { type DraftedPlan, draftPlan } from './draft-plan.ts';
import { checkSizes, listBucket, listFolder } from './list-pictures.ts';
import { readList } from './read-list.ts';
import { describeWays, secondsHere, waysFor } from './ways.ts';

export interface ArrayOptions {
  readonly target?: TargetName;
  readonly stage?: TargetOptions['stage'];
  readonly store?: string;
  readonly list?: string;
  readonly version?: string;
  readonly topK?: number;
  readonly strict?: boolean;
  readonly format?: AnswerFormat;
  readonly json?: boolean;
  readonly out?: string;
  readonly atMost?: number;
  readonly yes?: boolean;
}

/** Where a plan is done: by the jobs of a stack, or by processes of this machine on any store. */
type Place =
  | { readonly store: ObjectStore; readonly target: Target; readonly stack: StackOutputs }
  | { readonly store: ObjectStore; readonly target?: undefined };

/**
 * Classifies the pictures of a bucket, of a folder, or of a list as a plan of many shards: by the jobs of the stack, or with `--store`
 * by processes of this machine. The same command does what is missing.
 *
 * @returns the exit code of the process: 0, 1 if a picture or a shard failed, 130 interrupted
 * @throws {UserError} it cannot be done; nothing was submitted
 */
export async function classifyArray(paths: readonly string[], options: ArrayOptions): Promise<number> {
  const path = checkPlace(paths, options);
  const { out } = options;
  if (out !== undefined && existsSync(out)) {
    throw new UsageError(`${out} is there already. Give another --out, or remove it to write it again.`);
  }
  const format = tableFormatOf(options);
  const place = await openPlace(options);
  if (path !== undefined && isInBucket(path)) checkReadable(`${path}/`, place);
  const { store, target } = place;
  const { version } = await answeringVersion(store, options.version);
  const model = await readBulkModel(store, version);
  checkTopK(options.topK, model.card);
  const clientConfig: S3ClientConfig = target?.clientConfig ?? {};
  const client = s3Client(clientConfig);
  const passed = { others: 0 };
  const draft = await list(picturesOf(path, options, { client, place, passed }), {
    pictures: path ?? options.list!,
    ...{ version, format, strict: options.strict ?? false },
    ...(options.topK !== undefined && { topK: options.topK }),
  });
  try {
    describeDraft(draft, version, passed);
    const missing = await missingShards(store, draft.id, draft.plan);
    if (missing.length > 0) {
      if (!(await confirmPlan(place, { draft, missing, model }, options))) return 1;
      await draft.store(store);
      const code = await work(place, draft, commandOf(path, options), options);
      if (code !== 0) return code;
    }
    return await finish(place, draft, { client, out, isNew: missing.length > 0 });
  } finally {
    await draft.remove();
    client.destroy();
  }
}

/** @throws {UsageError} the arguments name no pictures that a plan can have */
function checkPlace(paths: readonly string[], { list, store }: ArrayOptions): string | undefined {
  const [path, ...others] = paths;
  if (others.length > 0) {
    throw new UsageError(
      `--array takes one place, and ${paths.length} are given. Name the pictures of several in a --list.`,
    );
  }
  if (path === undefined && list === undefined) {
    throw new UsageError('Nothing says which pictures. Give s3://<bucket>/<prefix>, or a --list of them.');
  }
  if (path !== undefined && isInBucket(path)) {
    const { bucket, key } = bucketPlace(path);
    if (list !== undefined && key !== '') {
      throw new UsageError(
        `A --list has whole keys: give s3://${bucket} without ${key}, or the prefix without --list.`,
      );
    }
    return `s3://${bucket}${key && `/${key}`}`;
  }
  if (path !== undefined && list !== undefined) {
    throw new UsageError(`--list names the pictures, and ${path} is no bucket of its keys. Leave it out.`);
  }
  if (path !== undefined && store === undefined) {
    throw new UsageError(
      `${path} is on this machine, where no job sees it. Run "./cifar10 classify ${shellWord(path)}" without --array, add --store <folder> ` +
        'to run it as a plan here, or copy it to a bucket with "aws s3 cp --recursive" and give its address.',
    );
  }
  return path;
}

/** The format of the table. @throws {UsageError} it is none of a table's */
function tableFormatOf(options: ArrayOptions): TableFormat {
  const chosen = formatOf(options, 'jsonl');
  if (chosen !== 'text') return chosen;
  throw new UsageError(
    `The format is text, and an array writes ${tableFormats.join(' or ')}. Add --format csv or jsonl.`,
  );
}

async function openPlace({ store, target, stage }: ArrayOptions): Promise<Place> {
  if (store !== undefined) {
    if (target === undefined && stage === undefined) return { store: await openObjectStore(store) };
    throw new UsageError('--store runs the plan in processes of this machine, and --target by jobs. Give one of them.');
  }
  const opened = await openTarget({ target: target ?? 'local', stage });
  const stack = await opened.stack();
  planQueue({ kind: 'classify' }, undefined, stack, opened); // An earlier release lacks it.
  return { store: await opened.store(), target: opened, stack };
}

interface Listing {
  readonly client: S3Client;
  readonly place: Place;
  readonly passed: Passed;
}

async function* picturesOf(
  path: string | undefined,
  options: ArrayOptions,
  listing: Listing,
): AsyncGenerator<ListedPicture> {
  const { client, place, passed } = listing;
  const isBucket = path !== undefined && isInBucket(path);
  const bucket = isBucket ? bucketPlace(path).bucket : undefined;
  const takesFiles = place.target === undefined;
  const pictures =
    options.list !== undefined
      ? readList(options.list, { client, bucket, takesFiles })
      : isBucket
        ? listBucket(client, bucketPlace(path), passed)
        : listFolder(path!, passed);
  for await (const picture of checkSizes(pictures, MOST_BYTES)) {
    if (options.list !== undefined) checkReadable(picture.file, place);
    yield picture;
  }
}

/** @throws {UsageError} the role of the stack's jobs may not read it */
function checkReadable(address: string, place: Place): void {
  if (place.target === undefined) return;
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(address) ?? [];
  const { BucketName, PictureBuckets = '' } = place.stack;
  const others = PictureBuckets.split(' ').filter(Boolean);
  if (bucket === BucketName ? key.startsWith('pictures/') : others.includes(bucket)) return;
  const deploy = `./cifar10 deploy --pictures ${[...others, bucket].join(' ')}${suffixOf(place.target)}`;
  throw new UsageError(
    bucket === BucketName
      ? `Jobs read pictures below s3://${bucket}/pictures/ only, and ${address} is elsewhere. Copy them there with "aws s3 cp --recursive".`
      : `The stack's jobs may not read s3://${bucket}. Let them: "${deploy}".`,
  );
}

async function list(
  pictures: AsyncIterable<ListedPicture>,
  options: Parameters<typeof draftPlan>[1],
): Promise<DraftedPlan> {
  const line = progressLine();
  const isShown = process.stderr.isTTY;
  try {
    return await draftPlan(pictures, options, (objects) => {
      if (isShown) line.show(`listing ${options.pictures}: ${objects.toLocaleString('en')} pictures`);
    });
  } finally {
    if (isShown) line.end();
  }
}

function describeDraft({ id, plan, objects, bytes }: DraftedPlan, version: string, { others }: Passed): void {
  const shards = plan.items.length;
  process.stderr.write(
    `${objects.toLocaleString('en')} ${objects === 1 ? 'picture' : 'pictures'} (${(bytes / 1e6).toFixed(1)} MB) in ${shards.toLocaleString('en')} ${shards === 1 ? 'shard' : 'shards'}, by version ${version}: plan ${id}.\n`,
  );
  if (others > 0) {
    process.stderr.write(
      `${others.toLocaleString('en')} other ${others === 1 ? 'object is' : 'objects are'} no pictures by name.\n`,
    );
  }
}

interface Planned {
  readonly draft: DraftedPlan;
  readonly missing: readonly string[];
  readonly model: BulkModel;
}

/** Says what it takes, by other ways as well, and asks. */
async function confirmPlan(
  place: Place,
  { draft, missing, model }: Planned,
  { atMost, yes }: ArrayOptions,
): Promise<boolean> {
  const { store, target } = place;
  const queue = target && planQueue(draft.plan, undefined, place.stack, target);
  const on = target && queue && { target, queue };
  const estimate = await estimatePlan(store, draft.plan, { missing, atMost, on });
  if (target?.name === 'aws' && draft.plan.items.length === missing.length) {
    const ways = waysFor(draft, { pictureSeconds: await secondsHere(model), array: estimate });
    process.stderr.write(
      `${describeWays(ways)}\nOn this machine: the same command with --store ${store.url} instead of --target.\n`,
    );
  }
  return confirmEstimate(describeEstimate(estimate), { isPaid: estimate.isPaid, yes });
}

/** Does what is missing. @returns 0 if all shards have a result */
async function work(
  place: Place,
  { id, plan }: StoredPlan,
  command: string,
  { atMost }: ArrayOptions,
): Promise<number> {
  const { store, target } = place;
  if (target === undefined) return runPlanOnTerminal(store, { id, plan }, { atMost, retry: command });
  // As many children as have room: each takes several shards, and pays for the start of a job once.
  const capacity = await readCapacity(target, planQueue(plan, undefined, place.stack, target));
  const most = Math.min(atMost ?? Number.POSITIVE_INFINITY, capacity?.atOnce ?? Number.POSITIVE_INFINITY);
  const submitted = await submitPlan(target, { id, plan }, { atMost: Math.min(most, plan.items.length) });
  process.stderr.write(
    submitted.children === 0
      ? `The children of an earlier submission are at work: ${submitted.active}.\n`
      : `Submitted ${submitted.children} ${submitted.children === 1 ? 'child' : 'children'} for ${submitted.missing} ${submitted.missing === 1 ? 'shard' : 'shards'}.\n`,
  );
  return followPlan(target, id);
}

interface Finishing {
  readonly client: S3Client;
  readonly out: string | undefined;
  readonly isNew: boolean;
}

/** Puts the table together, where the last child did not, and says what it has. */
async function finish(place: Place, { id, plan }: DraftedPlan, { client, out, isNew }: Finishing): Promise<number> {
  const { store, target } = place;
  const table = await mergeAnswers(store, id, plan);
  if (table === undefined) throw new Error(`Shards of ${id} have lost their results.`);
  if (isNew) {
    const on = target && { target, queue: planQueue(plan, undefined, place.stack, target) };
    process.stderr.write(`${describeReceipt(await receiptOf(store, plan, { on }))}\n`);
  } else {
    process.stderr.write(`All of it was there: nothing was submitted.\n`);
  }
  if (out !== undefined) await copyTable(store, table, client, out);
  const { key, rows, failed, changed } = table;
  const broken = failed === 0 ? '' : `; ${failed.toLocaleString('en')} could not be classified`;
  const also =
    changed === 0 ? '' : `, ${changed.toLocaleString('en')} of them changed or removed since the list was made`;
  process.stderr.write(`${rows.toLocaleString('en')} rows${broken}${also}.\n`);
  process.stdout.write(`${out ?? `${store.url}/${key}`}\n`);
  return failed > 0 ? 1 : 0;
}

/** The command that does what is missing: this one. */
function commandOf(path: string | undefined, options: ArrayOptions): string {
  const { store, target, list, version, topK, strict, format, json, out, atMost } = options;
  const values = { list, version, topK, format, out, atMost, target, store };
  const given = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, String(value)],
  );
  const flags = [...(strict ? ['--strict'] : []), ...(json ? ['--json'] : [])];
  return ['./cifar10 classify', ...[path ?? [], '--array', ...given, ...flags].flat().map(shellWord)].join(' ');
}

/** Whole or not at all. */
async function copyTable(store: ObjectStore, { key }: MergedTable, client: S3Client, out: string): Promise<void> {
  const draft = `${out}.part`;
  try {
    await makeFolder(dirname(out));
    await pipeline(await contentOf(store, key, client), createWriteStream(draft));
    await rename(draft, out);
  } catch (error) {
    await rm(draft, { force: true });
    throw systemError(error, out) ?? error;
  }
}

async function contentOf({ url }: ObjectStore, key: string, client: S3Client): Promise<Readable> {
  if (!isInBucket(url)) return createReadStream(join(url, key));
  return (await client.send(new GetObjectCommand({ Bucket: bucketPlace(url).bucket, Key: key }))).Body as Readable;
}
