import { randomUUID } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3ClientConfig,
  type S3ServiceException,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { mapInOrder } from '#environment/map-in-order.ts';
import { checkKey, checkPrefix } from './key.ts';
import {
  type ConcatenateOptions,
  type ListedObject,
  MissingPart,
  type ObjectStore,
  type Part,
  type PutOptions,
  type StoredObject,
  WriteConflict,
} from './object-store.ts';
import { explained, isStatus, s3Client } from './s3-client.ts';

/** Each write carries a unique id, by which a writer whose answer was lost recognises its own object. */
const WRITE_ID = 'write-id';

/** How often to request an object whose transfer breaks off. */
const READ_ATTEMPTS = 3;

/**
 * Bytes of a part of an upload, at least: but for the last, S3 takes none below 5 MiB, and 10,000 parts.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
 */
const PART_BYTES = 8 * 2 ** 20;
const MOST_PARTS = 10_000;
/** An object of so many bytes is copied in S3, not through this process. */
const COPIED_FROM = 5 * 2 ** 20;
/** Smaller ones that are read at a time. */
const READ_AHEAD = 8;

/** The objects of a whole bucket. Conditions are S3's own: `If-Match` and `If-None-Match`. */
export function s3Store(bucket: string, clientConfig: S3ClientConfig): ObjectStore {
  const client = s3Client(clientConfig);
  const store: ObjectStore = {
    url: `s3://${bucket}`,
    commandOption: `--store s3://${bucket}`,

    async get(key) {
      checkKey(key);
      try {
        return await getWhole(key);
      } catch (error) {
        if (isStatus(error, 404) && error.name !== 'NoSuchBucket') return undefined;
        if (isStatus(error, 403)) return await getWhatIsListed(key, error);
        throw explained(error, bucket);
      }
    },

    async put(key, body, { only, contentType = 'application/octet-stream' }: PutOptions = {}) {
      checkKey(key);
      const writeId = randomUUID();
      const condition = only === 'absent' ? { IfNoneMatch: '*' } : only && { IfMatch: only.ifMatch };
      const request = { Bucket: bucket, Key: key, Body: body, ContentType: contentType, ...condition };
      try {
        const { ETag = '' } = await client.send(
          new PutObjectCommand({ ...request, Metadata: { [WRITE_ID]: writeId } }),
        );
        return ETag;
      } catch (error) {
        if (only === undefined || !isConflict(error)) throw explained(error, bucket);
        const etag = (error.$metadata.attempts ?? 1) > 1 ? await ownWrite(key, writeId) : undefined;
        if (etag === undefined) throw new WriteConflict(key, { cause: error });
        return etag;
      }
    },

    async concatenate(key, parts, options: ConcatenateOptions = {}) {
      checkKey(key);
      const { only, contentType = 'application/octet-stream', signal } = options;
      const size = parts.reduce((sum, part) => sum + ('key' in part ? part.size : part.byteLength), 0);
      if (size <= PART_BYTES) {
        const bodies: Uint8Array[] = [];
        for await (const [, body] of mapInOrder(parts, READ_AHEAD, contentOf)) {
          signal?.throwIfAborted();
          bodies.push(body);
        }
        return await store.put(key, Buffer.concat(bodies), { ...(only && { only }), contentType });
      }
      const upload = { Bucket: bucket, Key: key };
      const condition = only === 'absent' ? { IfNoneMatch: '*' } : only && { IfMatch: only.ifMatch };
      let UploadId: string | undefined;
      try {
        ({ UploadId } = await client.send(new CreateMultipartUploadCommand({ ...upload, ContentType: contentType })));
        const partBytes = Math.max(PART_BYTES, size / (MOST_PARTS / 2));
        const Parts = await uploadParts(parts, { ...upload, UploadId }, { size: partBytes, signal });
        const complete = { ...upload, UploadId, MultipartUpload: { Parts } };
        const { ETag = '' } = await client.send(new CompleteMultipartUploadCommand({ ...complete, ...condition }));
        return ETag;
      } catch (error) {
        // What is left of it is billed; a role that may not end it leaves that to the bucket's rule for unfinished uploads.
        if (UploadId)
          await client.send(new AbortMultipartUploadCommand({ ...upload, UploadId })).catch(() => undefined);
        if (only !== undefined && isConflict(error)) throw new WriteConflict(key, { cause: error });
        throw explained(error, bucket);
      }
    },

    async *list(prefix): AsyncGenerator<ListedObject> {
      checkPrefix(prefix);
      try {
        for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
          for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
            yield { key: Key, size: Size, modified: LastModified };
          }
        }
      } catch (error) {
        throw explained(error, bucket);
      }
    },

    async delete(key) {
      checkKey(key);
      try {
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
      } catch (error) {
        throw explained(error, bucket);
      }
    },
  };
  return store;

  /**
   * Uploads the parts of an object. Small ones are gathered in memory, and large ones copied by S3.
   *
   * @param size bytes of a part, about
   * @throws the signal's reason
   */
  async function uploadParts(
    parts: readonly Part[],
    upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string | undefined },
    { size, signal }: { readonly size: number; readonly signal: AbortSignal | undefined },
  ): Promise<{ readonly PartNumber: number; readonly ETag: string | undefined }[]> {
    const done: { readonly PartNumber: number; readonly ETag: string | undefined }[] = [];
    let gathered: Uint8Array[] = [];
    let bytes = 0;
    const flush = async () => {
      if (bytes === 0) return;
      const part = { ...upload, PartNumber: done.length + 1 };
      const { ETag } = await client.send(new UploadPartCommand({ ...part, Body: Buffer.concat(gathered) }));
      done.push({ PartNumber: part.PartNumber, ETag });
      [gathered, bytes] = [[], 0];
    };
    const isLarge = (part: Part) => 'key' in part && part.size >= COPIED_FROM;
    const ahead = mapInOrder(parts, READ_AHEAD, async (part) => (isLarge(part) ? undefined : await contentOf(part)));
    for await (const [part, content] of ahead) {
      signal?.throwIfAborted();
      if ('key' in part && isLarge(part) && (bytes === 0 || bytes >= COPIED_FROM)) {
        await flush();
        checkKey(part.key);
        const copy = { ...upload, PartNumber: done.length + 1, CopySource: `${bucket}/${part.key}` };
        const { ContentLength } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: part.key }));
        if (ContentLength !== part.size) throw new MissingPart(store, part.key, part.size, ContentLength);
        const { CopyPartResult } = await client.send(new UploadPartCopyCommand(copy));
        done.push({ PartNumber: copy.PartNumber, ETag: CopyPartResult?.ETag });
        continue;
      }
      const body = content ?? (await contentOf(part));
      gathered.push(body);
      bytes += body.byteLength;
      if (bytes >= size) await flush();
    }
    await flush();
    return done;
  }

  async function contentOf(part: Part): Promise<Uint8Array> {
    if (!('key' in part)) return part;
    const body = (await store.get(part.key))?.body;
    if (body?.byteLength !== part.size) throw new MissingPart(store, part.key, part.size, body?.byteLength);
    return body;
  }

  /** Retries a transfer that breaks off, which the client does not: the bytes arrive after it is done. */
  async function getWhole(key: string): Promise<StoredObject | undefined> {
    for (let attempt = 1; ; attempt++) {
      const { Body, ETag = '' } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (Body === undefined) return undefined;
      try {
        return { body: await Body.transformToByteArray(), etag: ETag };
      } catch (error) {
        if (attempt === READ_ATTEMPTS) throw error;
      }
    }
  }

  /**
   * To a caller who may not list the whole bucket, S3 answers 403 for an object that does not exist, as it does for one
   * that may not be read. A caller who may list the key itself can tell them apart.
   */
  async function getWhatIsListed(key: string, refusal: unknown): Promise<StoredObject | undefined> {
    const { Contents = [] } = await client
      .send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key, MaxKeys: 1 }))
      .catch((error: unknown) => {
        throw explained(isStatus(error, 403) ? refusal : error, bucket);
      });
    // Of all keys that begin with it, the key itself is the first.
    if (Contents[0]?.Key !== key) return undefined;
    try {
      return await getWhole(key); // It may have been written since.
    } catch (error) {
      throw explained(error, bucket);
    }
  }

  /**
   * The client repeats a request that got no answer. If the first one had succeeded, the repeated one finds the condition
   * broken by the object that it was to write.
   */
  async function ownWrite(key: string, writeId: string): Promise<string | undefined> {
    const { Metadata, ETag } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return Metadata?.[WRITE_ID] === writeId ? ETag : undefined;
  }
}

/** 412: the condition does not hold. 409: somebody else is writing. 404: the object to match is gone. */
function isConflict(error: unknown): error is S3ServiceException {
  return isStatus(error, 412, 409) || (isStatus(error, 404) && error.name !== 'NoSuchBucket');
}
