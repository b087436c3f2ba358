import type { Part } from './object-store.ts';

/**
 * S3 takes 10,000 parts of an upload, and but for the last none below 5 MiB.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
 */
export const MOST_PARTS = 10_000;
const LEAST_BYTES = 5 * 2 ** 20;
/** Bytes of a part that is sent, about: more where there would be too many parts. */
export const PART_BYTES = 8 * 2 ** 20;

/** One part of an upload: a large object, which S3 copies, or small contents that are sent together. */
export type UploadGroup =
  | { readonly copied: Extract<Part, { readonly key: string }> }
  | { readonly sent: readonly Part[] };

/** The parts of an upload that makes one object of others, in their order: 10,000 at most. */
export function* uploadGroups(parts: readonly Part[]): Generator<UploadGroup> {
  // A copied object ends what is gathered before it, so there may be twice as many groups as whole ones.
  const whole = Math.max(PART_BYTES, bytesOf(parts) / (MOST_PARTS / 2));
  let sent: Part[] = [];
  let bytes = 0;
  for (const part of parts) {
    if ('key' in part && part.size >= whole && (sent.length === 0 || bytes >= LEAST_BYTES)) {
      if (sent.length > 0) yield { sent };
      yield { copied: part };
      [sent, bytes] = [[], 0];
      continue;
    }
    sent.push(part);
    bytes += bytesOf([part]);
    if (bytes < whole) continue;
    yield { sent };
    [sent, bytes] = [[], 0];
  }
  if (sent.length > 0) yield { sent };
}

/** Bytes of the contents together. */
export function bytesOf(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + ('key' in part ? part.size : part.byteLength), 0);
}
