import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { mapInOrder } from '#environment/map-in-order.ts';
import { systemError } from '#errors/system-error.ts';
import { NotFound, UsageError } from '#errors/user-error.ts';
import { csvFieldsOf } from '#jobs/bulk/formats.ts';
import type { ListedPicture } from '#models/plans/classify-result.ts';
import { isStatus } from '#models/stores/s3-client.ts';
import { bucketPlace, isInBucket } from '#training/datasets/elsewhere/bucket.ts';
import { explainBucket } from './explain-bucket.ts';
import { listFile } from './list-pictures.ts';

/** Objects that are asked for at a time. */
const AT_ONCE = 64;
/** What a column or member with the picture is called, as in the tables of `classify`. */
const NAMES = ['file', 'url', 'key'];

interface ListOptions {
  readonly client: S3Client;
  /** Of keys that are no addresses. @default such entries are files of this machine, or refused */
  readonly bucket: string | undefined;
  /** Whether files of this machine can be classified. */
  readonly takesFiles: boolean;
}

/**
 * The pictures that a list names, in its order: one key or address a line, or a table whose column `file` (or `url`, `key`) names
 * them, as `classify` writes it. Each is asked for its entity tag and size, unless a table has them in `etag` and `size`. Memory
 * holds some lines.
 *
 * @param list a file, or its address in a bucket; `.csv` and `.jsonl` are tables
 * @throws {UsageError} a line names no picture; the message has its number. @throws {NotFound} the list is empty, or not there
 */
export async function* readList(list: string, options: ListOptions): AsyncGenerator<ListedPicture> {
  let isEmpty = true;
  const entries = entriesOf(list, await openList(list, options.client));
  for await (const [, picture] of mapInOrder(entries, AT_ONCE, (entry) => describe(entry, list, options))) {
    isEmpty = false;
    yield picture;
  }
  if (isEmpty) throw new NotFound(`${list} names no pictures. Give a key or an address (s3://…) a line.`);
}

async function openList(list: string, client: S3Client): Promise<Readable> {
  if (!isInBucket(list)) return createReadStream(list);
  const { bucket, key } = bucketPlace(list);
  try {
    return (await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))).Body as Readable;
  } catch (error) {
    if (isStatus(error, 404) && error.name === 'NoSuchKey') throw new NotFound(`${list} is not there.`);
    throw await explainBucket(error, { client, bucket, action: 'read' });
  }
}

interface Entry {
  readonly line: number;
  readonly name: string;
  readonly etag?: string | undefined;
  readonly size?: number | undefined;
}

async function* entriesOf(list: string, stream: Readable): AsyncGenerator<Entry> {
  const format = extname(list).toLowerCase();
  let columns: string[] | undefined;
  let line = 0;
  const fail = (problem: string) => new UsageError(`${list}, line ${line}: ${problem}`);
  try {
    for await (const read of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      line++;
      const text = line === 1 ? read.replace(/^\uFEFF/, '') : read; // Spreadsheets begin a file with it.
      if (text.trim() === '') continue;
      if (format === '.csv' && columns === undefined) {
        columns = csvFieldsOf(text);
        if (!NAMES.some((name) => columns!.includes(name))) throw fail(`no column is called ${NAMES.join(', ')}.`);
        continue;
      }
      const record =
        format === '.jsonl' ? jsonOf(text) : columns ? recordOf(columns, csvFieldsOf(text)) : { file: text };
      const name = NAMES.map((each) => record?.[each]).find((value) => typeof value === 'string' && value !== '');
      if (typeof name !== 'string') throw fail(`it names no picture, in ${NAMES.join(', ')}.`);
      const [etag, size] = [record?.etag, sizeOf(record?.size)];
      if (typeof etag !== 'string' || etag === '' || size === undefined) {
        yield { line, name };
        continue;
      }
      if (/[^\x20-\x7e]/.test(etag)) {
        throw fail(`its etag is ${JSON.stringify(etag)}, and an entity tag has printable ASCII characters only.`);
      }
      yield { line, name, etag, size };
    }
  } catch (error) {
    throw systemError(error, list) ?? error;
  }
}

/** Bytes as a table says them; an empty field says nothing. */
function sizeOf(value: unknown): number | undefined {
  if (typeof value !== 'number' && (typeof value !== 'string' || value.trim() === '')) return undefined;
  const size = Number(value);
  return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
}

function jsonOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function recordOf(columns: readonly string[], fields: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(columns.map((column, index) => [column, fields[index]]));
}

async function describe(
  { line, name, etag, size }: Entry,
  list: string,
  { client, bucket, takesFiles }: ListOptions,
): Promise<ListedPicture> {
  if (!isInBucket(name) && bucket === undefined) {
    if (takesFiles) return listFile(name);
    throw new UsageError(
      `${list}, line ${line}: ${name} is no address such as s3://my-bucket/photo.jpg. Name the bucket before --list to give keys of it.`,
    );
  }
  const file = isInBucket(name) ? name : `s3://${bucket}/${name}`;
  if (etag !== undefined && size !== undefined) return { file, etag, size };
  const [, itsBucket, key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(file) ?? [];
  if (itsBucket === undefined || key === undefined)
    throw new UsageError(`${list}, line ${line}: ${file} names no object.`);
  try {
    const found = await client.send(new HeadObjectCommand({ Bucket: itsBucket, Key: key }));
    return { file, etag: found.ETag ?? '', size: found.ContentLength ?? 0 };
  } catch (error) {
    // An answer to HEAD has no body that would say more than its status.
    if (isStatus(error, 404)) return { file, size: 0 };
    throw await explainBucket(error, { client, bucket: itsBucket, action: 'read' });
  }
}
