import { UserError } from '#errors/user-error.ts';
import type { ClassifyAnswer } from '#inference/http/answers.ts';
import {
  classifyImage,
  type Endpoint,
  NoSuchVersion,
  Refused,
  servedModel,
  Unreachable,
} from '../endpoint/endpoint.ts';
import { mapInOrder } from '../terminal/map-in-order.ts';
import { ClassifyThreads, type ThreadBatch } from './classify-threads.ts';
import { type FoundPicture, readPicture } from './find-pictures.ts';
import type { AnswerOptions, LocalModel } from './local-model.ts';
import { type Row, type RowOptions, toRow } from './row.ts';

/** Where answers come from. */
export interface PictureSource {
  /** The version that answers, as far as it is known. */
  readonly version: string | undefined;
  /** Its classes. */
  classes(): Promise<readonly string[]>;
  /** The rows of pictures, in their order, some at a time. */
  rows(pictures: AsyncIterable<FoundPicture>, options: RowOptions): AsyncGenerator<readonly Row[]>;
  /** What has answered, for people. */
  describe(): string;
}

/** Requests in flight at a time. */
const PARALLEL = 4;

/** @param version an id, or an alias that may move meanwhile. @default the served version */
export function endpointSource(endpoint: Endpoint, version: string | undefined, options: AnswerOptions): PictureSource {
  return {
    version,
    classes: async () => (await servedModel(endpoint, version)).classes,
    describe: () => endpoint.url,
    async *rows(pictures, rowOptions) {
      const query = { ...options, version };
      const found = mapInOrder(pictures, PARALLEL, async ({ file, problem }) => {
        if (problem) return { outcome: problem };
        let bytes: Uint8Array | undefined;
        const outcome = await orProblem(async () => {
          bytes = await readPicture(file);
          return classifyImage(endpoint, bytes, query);
        });
        return { outcome, bytes };
      });
      for await (const [picture, answer] of found) yield [toRow(picture, answer, rowOptions)];
    },
  };
}

/** The answer, or why this picture has none. @throws what no other picture would change */
async function orProblem(work: () => Promise<ClassifyAnswer>): Promise<ClassifyAnswer | UserError> {
  try {
    return await work();
  } catch (error) {
    const concernsAll =
      error instanceof Unreachable ||
      error instanceof NoSuchVersion ||
      (error instanceof Refused && ['no-model-yet', 'bad-parameter'].includes(error.problem.code));
    if (error instanceof UserError && !concernsAll) return error;
    throw error;
  }
}

/** Pictures that a thread is given at a time: messages cost little then, and what is on the way is soon done. */
const BATCH = 32;

/** @param isFew so few that they are classified here sooner than threads are started */
export function localSource(model: LocalModel, isFew: boolean, options: AnswerOptions): PictureSource {
  let threads = 0;
  return {
    version: model.version,
    classes: async () => model.card.classes,
    describe: () => `${model.version} on WebAssembly, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    async *rows(pictures, rowOptions) {
      if (!isFew) {
        const pool = new ClassifyThreads({ model, options: { ...options, ...rowOptions } });
        for await (const [, rows] of pool.rows(batchesOf(pictures, BATCH))) {
          threads = pool.count;
          yield rows;
        }
        return;
      }
      threads = 1;
      const { openHere } = await import('./local-model.ts');
      const answer = await openHere(model, options);
      for await (const batch of batchesOf(pictures, 1)) {
        const found = await answer(batch);
        yield found.map((each, index) => toRow(batch[index]!, each, rowOptions));
      }
    },
  };
}

async function* batchesOf(pictures: AsyncIterable<FoundPicture>, size: number): AsyncGenerator<ThreadBatch> {
  let batch: ThreadBatch[number][] = [];
  for await (const { file, name, problem } of pictures) {
    if (problem) batch.push({ file, name, problem: problem.message });
    else if (file === '-') batch.push({ file, name, ...(await standardInput()) });
    else batch.push({ file, name });
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Only this thread can read it. */
async function standardInput(): Promise<{ readonly bytes: Uint8Array } | { readonly problem: string }> {
  try {
    return { bytes: await readPicture('-') };
  } catch (error) {
    if (error instanceof UserError) return { problem: error.message };
    throw error;
  }
}
