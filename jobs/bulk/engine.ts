import type { BulkModel } from './bulk-model.ts';
import { type AnswerOptions, type BulkPicture, openHere } from './open-here.ts';
import { type Row, type RowOptions, toRow } from './row.ts';
import { BulkThreads } from './threads.ts';

export interface BulkOptions extends AnswerOptions, RowOptions {
  /** So few that they are classified in this thread sooner than others are started. @default false */
  readonly isFew?: boolean;
}

/** Classifies any number of pictures, on all cores. */
export interface BulkEngine {
  /**
   * One row for each picture, in their order, some at a time. Pictures are taken as rows are: however many there are, a few
   * hundred are in memory.
   *
   * @throws what no other picture would change, and what `pictures` throws
   */
  rows(pictures: AsyncIterable<BulkPicture>): AsyncGenerator<readonly Row[]>;
  /** Who has answered, such as `WebAssembly, 2 threads`. */
  describe(): string;
  /** Ends its threads. */
  close(): Promise<void>;
}

/** Pictures that a thread is given at a time: messages cost little then, and what is on the way is soon done. */
const BATCH = 32;
/** Bytes that a thread is given at a time, and one picture: however large they are, a few are on the way. */
const BATCH_BYTES = 4 * 2 ** 20;

/** Opens an engine. @throws {UsageError} more classes are asked for than the model has */
export async function openBulkEngine(model: BulkModel, options: BulkOptions): Promise<BulkEngine> {
  if (options.isFew) {
    const answer = await openHere(model, options);
    return {
      async *rows(pictures) {
        for await (const picture of pictures) {
          const found = await answer([picture]);
          yield found.map((each) => toRow(picture, each, options));
        }
      },
      describe: () => 'WebAssembly, 1 thread',
      async close() {},
    };
  }
  const threads = new BulkThreads({ model, options });
  return {
    rows: (pictures) => threads.rows(batchesOf(pictures)),
    describe: () => `WebAssembly, ${threads.count} ${threads.count === 1 ? 'thread' : 'threads'}`,
    close: () => threads.end(),
  };
}

async function* batchesOf(pictures: AsyncIterable<BulkPicture>): AsyncGenerator<readonly BulkPicture[]> {
  let batch: BulkPicture[] = [];
  let bytes = 0;
  for await (const picture of pictures) {
    batch.push(picture);
    bytes += picture.bytes?.length ?? 0;
    if (batch.length < BATCH && bytes < BATCH_BYTES) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}
