import * as z from 'zod/mini';
import { decodeJson, MalformedObject } from '../json.ts';

const count = z.int().check(z.nonnegative());

/** A picture of a shard's list: one line of `plans/<id>/lists/<digest>.jsonl`. */
export const ListedPicture = z.object({
  /** As its row names it: `s3://<bucket>/<key>`, or a path. */
  file: z.string().check(z.minLength(1)),
  /** What it was when the list was made: S3's entity tag, or a file's size and time. Absent where it was not there. */
  etag: z.optional(z.string()),
  /** Bytes. */
  size: count,
});
export type ListedPicture = z.infer<typeof ListedPicture>;

/** The formats in which rows are written. */
export const tableFormats = ['jsonl', 'csv'] as const;
export type TableFormat = (typeof tableFormats)[number];

/** What decides the rows of all shards alike: the `options` of a plan of this kind. */
export const ClassifyOptions = z.strictObject({
  /** What was given: `s3://<bucket>/<prefix>`, a folder, or the file of a list. */
  pictures: z.string(),
  /** The version that answers. */
  version: z.string(),
  format: z.enum(tableFormats),
  /** Classes of a picture. @default those of `classify` */
  topK: z.optional(z.int().check(z.positive())),
  /** Whether pictures of another size than the model's are refused. */
  strict: z.boolean(),
});
export type ClassifyOptions = z.infer<typeof ClassifyOptions>;

/** What a shard of a classification leaves in the store: `plans/<id>/results/<shard>.json`. */
export const ClassifyResult = z.object({
  /** Where its rows are, in a file without a header; see `answersKey`. */
  answers: z.object({
    key: z.string(),
    bytes: count,
    sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  }),
  /** One for each picture of the list. */
  rows: count,
  /** Rows with an error. */
  failed: count,
  /** Of these, pictures that were changed or removed since the list was made. */
  changed: count,
  /** From the first picture to the last row. */
  seconds: z.number().check(z.nonnegative()),
  /** Processor time of this process in that time: all threads, user and system. */
  cpuSeconds: z.number().check(z.nonnegative()),
  /** What computed the answers, such as `WebAssembly, 2 threads`. */
  engine: z.string(),
});
export type ClassifyResult = z.infer<typeof ClassifyResult>;

/**
 * The key of a shard's rows. Two attempts may find different rows, where a picture was changed between them: each has a key of its own,
 * and the result names that of the first one.
 */
export function answersKey(plan: string, shard: string, sha256: string, format: TableFormat): string {
  return `batches/${plan}/answers/${shard}-${sha256.slice(0, 8)}.${format}`;
}

/** The key of the table of all rows. */
export function mergedKey(plan: string, format: TableFormat): string {
  return `batches/${plan}/answers.${format}`;
}

/** One line of a list. */
export function listLine(picture: ListedPicture): string {
  return `${JSON.stringify(picture)}\n`;
}

/** @throws {MalformedObject} a line is not that of a picture */
export function parseList(body: Uint8Array, key: string): ListedPicture[] {
  const lines = new TextDecoder('utf-8', { fatal: true }).decode(body).split('\n');
  if (lines.pop() !== '') throw new MalformedObject(key, 'its last line is cut off');
  return lines.map((line, index) =>
    decodeJson(ListedPicture, new TextEncoder().encode(line), `${key}, line ${index + 1}`),
  );
}
