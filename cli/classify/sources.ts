import { mapInOrder } from '#environment/map-in-order.ts';
import { UserError } from '#errors/user-error.ts';
import type { ClassifyAnswer } from '#inference/http/answers.ts';
import { Refused } from '#inference/http/refused.ts';
import type { BulkModel } from '#jobs/bulk/bulk-model.ts';
import type { BulkEngine } from '#jobs/bulk/engine.ts';
import type { AnswerOptions, BulkPicture } from '#jobs/bulk/open-here.ts';
import { readPicture } from '#jobs/bulk/read-picture.ts';
import { type Row, type RowOptions, toRow } from '#jobs/bulk/row.ts';
import { classifyImage, type Endpoint, NoSuchVersion, servedModel, Unreachable } from '../endpoint/endpoint.ts';
import type { FoundPicture } from './find-pictures.ts';

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

/** @param count about how many pictures there are */
export function localSource(model: BulkModel, count: number, options: AnswerOptions): PictureSource {
  let engine: BulkEngine | undefined;
  return {
    version: model.version,
    classes: async () => model.card.classes,
    describe: () => (engine ? `${model.version} on ${engine.describe()}` : model.version),
    async *rows(pictures, rowOptions) {
      const { openBulkEngine } = await import('#jobs/bulk/engine.ts');
      engine = await openBulkEngine(model, { ...options, ...rowOptions, pictures: count });
      try {
        yield* engine.rows(readable(pictures));
      } finally {
        await engine.close();
      }
    },
  };
}

async function* readable(pictures: AsyncIterable<FoundPicture>): AsyncGenerator<BulkPicture> {
  for await (const { file, name, problem } of pictures) {
    if (problem) yield { file, name, problem: problem.message };
    else if (file === '-') yield { file, name, ...(await standardInput()) };
    else yield { file, name };
  }
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
