import type { UserError } from '#errors/user-error.ts';
import type { ListedPicture } from '#models/plans/classify-result.ts';
import { megabytes, tooLarge } from './too-large.ts';

/** What was read of a picture: its bytes, or why its row has an error. */
export type ReadPicture =
  | { readonly bytes: Uint8Array }
  | {
      readonly problem: string;
      /** It is not what the list says, or not there any more. */
      readonly isChanged: boolean;
    };

/** Reads pictures from where they are, as they were when they were listed. */
export interface PictureReader {
  /** @throws {UserError} what concerns all pictures, such as a right that is missing */
  read(picture: ListedPicture): Promise<ReadPicture>;
  /** Why no object could be read: some were refused, and S3 gave none. One that alone is refused, by a key of its own, has a row. */
  refusal(): UserError | undefined;
  close(): void;
}

/** Bytes of a picture, at most. */
export const MOST_BYTES = 100_000_000;

/** What a row says of a picture that is not the one that was listed. */
export const problems = {
  changed: (file: string) => `${file} was changed after the list was made. Classify it again.`,
  gone: (file: string) => `${file} was removed after the list was made.`,
  neverThere: (file: string) => `${file} was not there, or could not be read, when the list was made.`,
  empty: (file: string) => `${file} is empty. Give a picture.`,
  large: (file: string, bytes: number) => tooLarge(file, `has ${megabytes(bytes)}`, MOST_BYTES),
};
