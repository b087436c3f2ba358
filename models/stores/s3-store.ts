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
  type UploadPartCopyCommandInput,
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
import { bytesOf, PART_BYTES, type UploadGroup, uploadGroups } from './upload-groups.ts';

/** Each write carries a unique id, by which a writer whose answer was lost recognises its own object. */
const WRITE_ID = 'write-id';

/** How often to request an object whose transfer breaks off. */
const READ_ATTEMPTS = 3;

/** Small objects of a part of an upload that are read at a time, and parts that are in memory. */
const READ_AHEAD = 8;
const PARTS_AHEAD = 2;

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
      if (bytesOf(parts) <= PART_BYTES) {
        return await store.put(key, await contentsOf(parts, signal), { ...(only && { only }), contentType });
      }
      const upload = { Bucket: bucket, Key: key };
      const condition = only === 'absent' ? { IfNoneMatch: '*' } : only && { IfMatch: only.ifMatch };
      let UploadId: string | undefined;
      try {
        ({ UploadId } = await client.send(new CreateMultipartUploadCommand({ ...upload, ContentType: contentType })));
        const Parts = await uploadParts(parts, { ...upload, UploadId }, signal);
        const complete = { ...upload, UploadId, MultipartUpload: { Parts } };
        const completed = client.send(new CompleteMultipartUploadCommand({ ...complete, ...condition }));
        const { ETag = '' } = await completed.catch((error: unknown) => {
          const isRefused = only !== undefined && isConflict(error) && error.name !== 'NoSuchUpload';
          throw isRefused ? new WriteConflict(key, { cause: error }) : error;
        });
        return ETag;
      } catch (error) {
        // What is left of it is billed; a role that may not end it leaves that to the bucket's rule for unfinished uploads.
        if (UploadId)
          await client.send(new AbortMultipartUploadCommand({ ...upload, UploadId })).catch(() => undefined);
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

  /** Uploads the parts of an object. Small ones are gathered in memory, and large ones copied by S3. @throws the signal's reason */
  async function uploadParts(
    parts: readonly Part[],
    upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string | undefined },
    signal: AbortSignal | undefined,
  ): Promise<{ readonly PartNumber: number; readonly ETag: string | undefined }[]> {
    const done: { readonly PartNumber: number; readonly ETag: string | undefined }[] = [];
    const read = async (group: UploadGroup) => ('sent' in group ? await contentsOf(group.sent, signal) : undefined);
    for await (const [group, Body] of mapInOrder(uploadGroups(parts), PARTS_AHEAD, read)) {
      signal?.throwIfAborted();
      const part = { ...upload, PartNumber: done.length + 1 };
      if ('copied' in group) done.push({ PartNumber: part.PartNumber, ETag: await copyPart(group.copied, part) });
      else if (Body !== undefined && Body.byteLength > 0) {
        const { ETag } = await client.send(new UploadPartCommand({ ...part, Body }));
        done.push({ PartNumber: part.PartNumber, ETag });
      }
    }
    return done;
  }

  async function copyPart(
    { key, size }: Exclude<Part, Uint8Array>,
    part: Omit<UploadPartCopyCommandInput, 'CopySource'>,
  ): Promise<string | undefined> {
    checkKey(key);
    const missing = (error: unknown) => {
      if (!isStatus(error, 404) || error.name === 'NoSuchUpload') throw error;
      return undefined;
    };
    const found = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).catch(missing);
    if (found?.ContentLength !== size) throw new MissingPart(store, key, size, found?.ContentLength);
    const copy = new UploadPartCopyCommand({ ...part, CopySource: `${bucket}/${key}` });
    const copied = await client.send(copy).catch(missing);
    if (copied === undefined) throw new MissingPart(store, key, size, undefined);
    return copied.CopyPartResult?.ETag;
  }

  async function contentsOf(parts: readonly Part[], signal: AbortSignal | undefined): Promise<Uint8Array> {
    const bodies: Uint8Array[] = [];
    for await (const [, body] of mapInOrder(parts, READ_AHEAD, contentOf)) {
      signal?.throwIfAborted();
      bodies.push(body);
    }
    return Buffer.concat(bodies);
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
    const head = client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    const found = await head.catch((error: unknown) => {
      if (!isStatus(error, 404)) throw explained(error, bucket);
      return undefined; // Deleted since.
    });
    return found?.Metadata?.[WRITE_ID] === writeId ? found.ETag : undefined;
  }
}

/** 412: the condition does not hold. 409: somebody else is writing. 404: the object to match is gone. */
function isConflict(error: unknown): error is S3ServiceException {
  return isStatus(error, 412, 409) || (isStatus(error, 404) && error.name !== 'NoSuchBucket');
}
