import { UsageError, UserError } from '#errors/user-error.ts';
import type { ImageLimits } from '#images/decode-image.ts';
import { problemOf } from '#inference/http/problem.ts';
import { classifyFiles } from '#inference/routes/classify-files.ts';
import { nameOf } from '#inference/routes/model.ts';
import { imageFileIn } from '#inference/routes/sent-as-text.ts';
import { loadClassifier, openClassifier } from '#inference/serving/classifier.ts';
import type { ServedModel } from '#inference/serving/live-models.ts';
import { NoModelYet } from '#inference/serving/model-errors.ts';
import { openServedStore } from '#inference/serving/served-store.ts';
import { readAlias, resolveVersion } from '#models/aliases.ts';
import type { Card } from '#models/card.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readVersion } from '#models/versions.ts';
import { Refused } from '../endpoint/endpoint.ts';
import { readPicture } from './find-pictures.ts';
import type { PictureAnswer } from './formats.ts';

/** A version whose bytes and answers were verified, for any thread to run. */
export interface LocalModel {
  readonly version: string;
  /** The alias that led to it, if one did. */
  readonly alias: string | undefined;
  readonly card: Card;
  /** `model.json` and `weights.bin`, in memory that threads share. */
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/** Pictures from a camera, as they are: what an endpoint refuses for its size costs nobody else time here. */
const LIMITS: ImageLimits = { bytes: 100_000_000, pixels: 100_000_000 };

/**
 * Reads the version that answers for a store: the one that is named, or `production`, or the one trained last where none was
 * promoted. It must answer its golden images as training did.
 *
 * @param url a folder or `s3://<bucket>`
 * @throws {UsageError} it is neither, or the store has no such version. @throws {NoModelYet} the store has no model
 * @throws {GoldenMismatch | DamagedVersion} the version cannot be used
 */
export async function readLocalModel(url: string, name: string | undefined): Promise<LocalModel> {
  const store = await openServedStore(url);
  const alias = name ?? (await firstAlias(store));
  if (alias === undefined) throw new NoModelYet('production', store);
  const version = await resolveVersion(store, alias);
  const found = await readVersion(store, version, { only: ['model.json', 'weights.bin'] });
  (await loadClassifier(found)).dispose();
  const files = Object.fromEntries(['model.json', 'weights.bin'].map((path) => [path, shared(found.file(path))]));
  return { version, alias: alias === version ? undefined : alias, card: found.card, files };
}

async function firstAlias(store: ObjectStore): Promise<string | undefined> {
  for (const alias of ['production', 'candidate']) if (await readAlias(store, alias)) return alias;
  return undefined;
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

export interface AnswerOptions {
  readonly topK?: number | undefined;
  readonly strict?: boolean | undefined;
}

/** A picture to classify: by its path, or its bytes, which only another thread can read; or why there is none. */
export interface WantedPicture {
  readonly file: string;
  readonly bytes?: Uint8Array;
  readonly problem?: string;
}

/** What was found of a picture, and its bytes where it could be read. */
export interface FoundAnswer {
  readonly outcome: PictureAnswer | UserError;
  readonly bytes?: Uint8Array;
}

/** Answers for pictures, by a model in this thread. */
export type AnswerHere = (pictures: readonly WantedPicture[]) => Promise<FoundAnswer[]>;

/**
 * Opens a model in this thread. It answers by the code of the endpoint, and so as the endpoint would, but for its limits of a
 * request's size.
 *
 * @throws {UsageError} more classes are asked for than the model has
 */
export async function openHere(
  { version, alias, card, files }: LocalModel,
  options: AnswerOptions,
): Promise<AnswerHere> {
  if (options.topK !== undefined && options.topK > card.classes.length) {
    throw new UsageError(`--top-k is ${options.topK}, and the model has ${card.classes.length} classes.`);
  }
  const classifier = await openClassifier({ id: version, card, file: (path) => files[path]! });
  const model: ServedModel = { ...classifier, version, alias, card };
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

async function readWanted({ file, bytes, problem }: WantedPicture): Promise<Uint8Array | UserError> {
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
