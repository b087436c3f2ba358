import { availableParallelism } from 'node:os';
import type { BulkModel } from './bulk-model.ts';
import { describeEngine, type EngineChoice, type EngineName } from './choose-engine.ts';
import { FEW } from './few.ts';
import { type AnswerOptions, type BulkPicture, openHere } from './open-here.ts';
import { openPredictor } from './predictor.ts';
import { type Row, type RowOptions, toRow } from './row.ts';
import { BulkThreads } from './threads.ts';

export interface BulkOptions extends AnswerOptions, RowOptions {
  /** About how many there are: what takes a while to start is used where that is worth it. @default many */
  readonly pictures?: number | undefined;
  /** What computes the network, for comparisons. @default what is faster here */
  readonly engine?: EngineName | undefined;
}

/** Classifies any number of pictures, on all cores. */
export interface BulkEngine {
  /** What computes the network, and why. */
  readonly choice: EngineChoice;
  /**
   * One row for each picture, in their order, some at a time. Pictures are taken as rows are: however many there are, a few
   * hundred are in memory.
   *
   * @throws what no other picture would change, and what `pictures` throws
   */
  rows(pictures: AsyncIterable<BulkPicture>): AsyncGenerator<readonly Row[]>;
  /** What has answered, and why that: `WebAssembly, 2 threads (for few pictures it answers sooner)`. */
  describe(): string;
  /** Ends its threads. */
  close(): Promise<void>;
}

/** Pictures that a thread is given at a time: messages cost little then, and what is on the way is soon done. */
const BATCH = { WebAssembly: 32, TensorFlow: 64 } as const;
/** Bytes that a thread is given at a time, and one picture: however large they are, a few are on the way. */
const BATCH_BYTES = 4 * 2 ** 20;

/**
 * Opens an engine: the model's network on native TensorFlow, where that is installed, answers the golden images and was measured to
 * be faster, else on WebAssembly. Both give the same labels; a score may differ in its last decimal.
 *
 * @throws {UsageError} more classes are asked for than the model has
 */
export async function openBulkEngine(model: BulkModel, options: BulkOptions): Promise<BulkEngine> {
  const { pictures: count = Number.POSITIVE_INFINITY, engine } = options;
  if (count <= FEW && engine === undefined) return openSmallEngine(model, options);
  const predictor = await openPredictor(model, count, engine);
  const { choice } = predictor;
  const threads = new BulkThreads({ model, options }, predictor.connect);
  predictor.onFailure((error) => threads.fail(error));
  return {
    choice,
    rows: (pictures) => threads.rows(batchesOf(pictures, BATCH[choice.engine])),
    describe: () => describeEngine(choice, choice.engine === 'TensorFlow' ? availableParallelism() : threads.count),
    async close() {
      await threads.end();
      await predictor.end();
    },
  };
}

/** In this thread. */
async function openSmallEngine(model: BulkModel, options: BulkOptions): Promise<BulkEngine> {
  const choice: EngineChoice = { engine: 'WebAssembly', reason: 'for few pictures it answers sooner' };
  const answer = await openHere(model, options);
  return {
    choice,
    async *rows(pictures) {
      for await (const picture of pictures) {
        const found = await answer([picture]);
        yield found.map((each) => toRow(picture, each, options));
      }
    },
    describe: () => describeEngine(choice, 1),
    async close() {},
  };
}

async function* batchesOf(pictures: AsyncIterable<BulkPicture>, size: number): AsyncGenerator<readonly BulkPicture[]> {
  let batch: BulkPicture[] = [];
  let bytes = 0;
  for await (const picture of pictures) {
    batch.push(picture);
    bytes += picture.bytes?.length ?? 0;
    if (batch.length < size && bytes < BATCH_BYTES) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}
