import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** A place that CIFAR-10 can be fetched from. */
export interface DatasetSource {
  /** What it is and how large, for messages. */
  readonly title: string;
  /**
   * @param folder an empty one for files in between; the caller removes it
   * @throws {Error} the source does not answer, stalls, or has other bytes; the message says which
   */
  fetch(folder: string, signal?: AbortSignal): Promise<FetchedSplits>;
}

/** A split as it is cached: its labels, then its pixels `[count, 32, 32, 3]`. */
export interface FetchedSplits {
  readonly train: Buffer;
  readonly test: Buffer;
}

/** Milliseconds without an answer after which a source counts as dead. */
export const ANSWER_TIMEOUT = 4_000;
/** Milliseconds without a byte after which a transfer is aborted. */
export const STALL_TIMEOUT = 20_000;

/** @throws {Error} the file has another SHA-256 */
export async function verifyFile(path: string, sha256: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  const found = hash.digest('hex');
  if (found !== sha256) throw new Error(`the download has the SHA-256 ${found} instead of ${sha256}`);
}
