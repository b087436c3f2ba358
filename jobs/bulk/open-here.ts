import { UserError } from '#errors/user-error.ts';
import type { ImageLimits } from '#images/decode-image.ts';
import { problemOf } from '#inference/http/problem.ts';
import { Refused } from '#inference/http/refused.ts';
import { classifyFiles } from '#inference/routes/classify-files.ts';
import type { RemoteModel } from '#inference/routes/classify-images.ts';
import { nameOf } from '#inference/routes/model.ts';
import { imageFileIn } from '#inference/routes/sent-as-text.ts';
import { answersOf, openClassifier } from '#inference/serving/classifier.ts';
import type { ServedModel } from '#inference/serving/live-models.ts';
import { MOST_BYTES } from '../pictures/picture-reader.ts';
import type { BulkModel } from './bulk-model.ts';
import { checkTopK } from './check-top-k.ts';
import type { PictureAnswer } from './formats.ts';
import { readPicture } from './read-picture.ts';

/** Pictures from a camera, as they are: what an endpoint refuses for its size costs nobody else time here. */
const LIMITS: ImageLimits = { bytes: MOST_BYTES, pixels: 100_000_000 };

export interface AnswerOptions {
  readonly topK?: number | undefined;
  readonly strict?: boolean | undefined;
}

/** A picture to classify: by its path, or its bytes; or why there is none. */
export interface BulkPicture {
  /** What its row calls it; without bytes, the path that it is read from. */
  readonly file: string;
  /** Its place below a folder of copies. @default `file` */
  readonly name?: string;
  readonly bytes?: Uint8Array | undefined;
  /** Why it has no answer. */
  readonly problem?: string | undefined;
}

/** What was found of a picture, and its bytes where it could be read. */
export interface FoundAnswer {
  readonly outcome: PictureAnswer | UserError;
  readonly bytes?: Uint8Array;
}

/** Computes a network elsewhere. @param pixels `[N, height, width, channels]` uint8 @returns `[N, classes]` logits */
export type Predict = (pixels: Uint8Array) => Promise<Float32Array>;

/** Answers for pictures. */
export type AnswerHere = (pictures: readonly BulkPicture[]) => Promise<FoundAnswer[]>;

/**
 * Opens a model in this thread. It answers by the code of the endpoint, and so as the endpoint would, but for its limits of a
 * request's size.
 *
 * @param predict computes its network elsewhere. @default WebAssembly does, in this thread
 * @throws {UsageError} more classes are asked for than the model has
 */
export async function openHere(
  { version, alias, card, files }: BulkModel,
  options: AnswerOptions,
  predict?: Predict,
): Promise<AnswerHere> {
  checkTopK(options.topK, card);
  const model: ServedModel | RemoteModel = {
    ...{ version, alias, card },
    ...(predict
      ? { answer: async (pixels: Uint8Array) => answersOf(pixels, await predict(pixels), card) }
      : await openClassifier({ id: version, card, file: (path) => files[path]! })),
  };
  const { topK, strict } = options;
  return async (pictures) => {
    const read = await Promise.all(pictures.map(readWanted));
    const images = read.map((each) => (each instanceof Error ? each : imageFileIn(each)));
    const { results } = await classifyFiles(images, model, { topK, strict }, LIMITS);
    return results.map((result, index) => {
      const bytes = read[index]!;
      if (bytes instanceof Error) return { outcome: bytes };
      return { outcome: result instanceof Error ? refusalOf(result) : { ...result, model: nameOf(model) }, bytes };
    });
  };
}

async function readWanted({ file, bytes, problem }: BulkPicture): Promise<Uint8Array | UserError> {
  if (problem !== undefined) return new UserError(problem);
  try {
    return bytes ?? (await readPicture(file, LIMITS.bytes));
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

/** A defect in a decoder concerns one picture: the others are still classified. */
function refusalOf(error: Error): UserError {
  if (!(error instanceof UserError)) {
    return new UserError(`This program fails on this picture (${error.message}). Please report it, with the picture.`);
  }
  const { instance: _, request_id: __, ...problem } = problemOf(error, '');
  return new Refused(problem);
}
