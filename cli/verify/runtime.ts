import { UserError } from '#errors/user-error.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import type { VerifiedVersion } from '#models/versions.ts';

/** What every runtime is asked. */
export interface Question {
  readonly store: ObjectStore;
  readonly version: VerifiedVersion;
  /** `[count, height, width, channels]` uint8 */
  readonly images: Uint8Array;
  readonly count: number;
  /** A folder of its own, for files that a runtime reads. */
  readonly folder: string;
}

export interface RuntimeAnswer {
  /** Name and version, such as `ONNX Runtime 1.32.0`. */
  readonly runtime: string;
  /** `[count, classes]` */
  readonly probabilities: ArrayLike<number>;
  /** For each image, without loading the model. */
  readonly milliseconds: number;
}

/** A program that can answer for a version. @throws {RuntimeMissing} it is not on this machine, or the version has no file for it */
export type Runtime = (question: Question) => Promise<RuntimeAnswer>;

/** A runtime cannot be asked; the message says what to do. */
export class RuntimeMissing extends UserError {
  override readonly name = 'RuntimeMissing';
}
