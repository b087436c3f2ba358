import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';

/**
 * Opens a store with short S3 timeouts, so that a connection that hangs, before or within an answer, is retried in time.
 *
 * @param url `s3://<bucket>`, or the path of a folder
 * @throws {UsageError} it is neither
 */
export function openServedStore(url: string): Promise<ObjectStore> {
  return openObjectStore(url, {
    maxAttempts: 3,
    requestHandler: {
      ...{ connectionTimeout: 1_000, socketTimeout: 5_000 },
      // Without `throwOnRequestTimeout` the client only logs a warning and keeps waiting.
      ...{ requestTimeout: 5_000, throwOnRequestTimeout: true },
    },
  });
}
