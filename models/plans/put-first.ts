import { type ObjectStore, WriteConflict } from '../stores/object-store.ts';

const TRIES = 5;

/**
 * Writes an object that never changes. S3 also refuses a writer while another one is writing (409), whose write may fail: who is
 * refused therefore looks whether there is an object.
 *
 * @returns false if there was one already; it stays
 * @throws {WriteConflict} the write was refused time and again, and there is no object
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export async function putFirst(store: ObjectStore, key: string, body: Uint8Array): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      await store.put(key, body, { only: 'absent', contentType: 'application/json' });
      return true;
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
      if ((await store.get(key)) !== undefined) return false;
      if (tries === TRIES) throw error;
    }
  }
}
