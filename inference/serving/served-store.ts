import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';

/**
 * The store as an endpoint reads it: a request waits for S3 only as long as it is told, and a connection that hangs, before
 * the answer or within it, must not hang the next attempt too.
 *
 * @param url `s3://<bucket>`, or the path of a folder
 * @throws {UsageError} it is neither
 */
export function openServedStore(url: string): Promise<ObjectStore> {
  return openObjectStore(url, {
    maxAttempts: 3,
    requestHandler: {
      ...{ connectionTimeout: 1_000, socketTimeout: 5_000 },
      // Without the second the client only warns, and goes on waiting.
      ...{ requestTimeout: 5_000, throwOnRequestTimeout: true },
    },
  });
}
