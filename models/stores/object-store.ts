import { UserError } from '#errors/user-error.ts';

/**
 * Named blobs with conditional writes, for runs, model versions and aliases. There are two implementations with the same keys,
 * a folder (`folder-store.ts`) and an S3 bucket (`s3-store.ts`); `object-store.contract.ts` tests both.
 *
 * Keys are relative, `/`-separated and need no escaping, such as `models/20261123-0412-a1b2c3d4/model.json`.
 */
export interface ObjectStore {
  /** Its location for messages: `s3://bucket` or an absolute folder. */
  readonly url: string;

  /** The option with which a command uses it, such as `--store .cifar10/store`; empty where commands use it without one. */
  readonly commandOption: string;

  /** @returns the object, or `undefined` if it does not exist */
  get(key: string): Promise<StoredObject | undefined>;

  /**
   * Writes the whole object or nothing.
   *
   * @returns the new entity tag
   * @throws {WriteConflict} the condition does not hold; nothing was written
   */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<string>;

  /**
   * Writes one object of the contents of others, one after the other: the whole object or nothing. Memory holds some of it, however
   * large it is.
   *
   * @param parts in their order
   * @returns the new entity tag
   * @throws {WriteConflict} the condition does not hold; nothing was written
   * @throws {MissingPart} an object of the parts is not there, or has another size; nothing was written
   * @throws the signal's reason, when it is aborted before the end; nothing was written
   */
  concatenate(key: string, parts: readonly Part[], options?: ConcatenateOptions): Promise<string>;

  /** Lists every object whose key begins with `prefix`, in the order of the keys. */
  list(prefix: string): AsyncIterable<ListedObject>;

  /** Deletes an object, if it exists. */
  delete(key: string): Promise<void>;
}

export interface StoredObject {
  readonly body: Uint8Array;
  /** Changes whenever the object does; opaque. */
  readonly etag: string;
}

/** What an object is made of: bytes, or the content of another object, which has `size` of them. */
export type Part = Uint8Array | { readonly key: string; readonly size: number };

export interface ListedObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly modified: Date;
}

export interface PutOptions {
  /** Write only if there is no such object (`'absent'`), or only if it still has this entity tag. @default unconditional */
  readonly only?: 'absent' | { readonly ifMatch: string };
  /** @default application/octet-stream */
  readonly contentType?: string;
}

export interface ConcatenateOptions extends PutOptions {
  /** Ends it between two parts. @default never */
  readonly signal?: AbortSignal | undefined;
}

/** Another writer was faster: the object exists, or is no longer the one that was read. */
export class WriteConflict extends Error {
  override readonly name = 'WriteConflict';
  readonly key: string;

  constructor(key: string, options?: ErrorOptions) {
    super(`${key} was changed by somebody else in the meantime; nothing was written.`, options);
    this.key = key;
  }
}

/** An object that another one was to be made of is not there, or is not the one that was meant. */
export class MissingPart extends UserError {
  override readonly name = 'MissingPart';

  constructor({ url }: Pick<ObjectStore, 'url'>, key: string, expected: number, found: number | undefined) {
    super(
      `${key} in ${url} ${found === undefined ? 'is missing' : `has ${found} bytes instead of ${expected}`}. Restore it; nothing was written.`,
    );
  }
}
