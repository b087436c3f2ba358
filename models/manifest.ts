import { createHash } from 'node:crypto';
import * as z from 'zod/mini';

const sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** `manifest.json` of a version: the list of its files. It is written last, so its presence means that all are there. */
export const Manifest = z.object({
  /** All files but the manifest itself, sorted by path. */
  files: z.array(z.object({ path: z.string(), size: z.number().check(z.int(), z.nonnegative()), sha256 })),
  /**
   * SHA-256 of the output of `sha256sum` for the files in this order. The version's id ends with its first eight digits. By
   * hand:
   * `jq -r '.files[] | "\(.sha256)  \(.path)"' manifest.json | sha256sum`
   */
  tree: sha256,
});
export type Manifest = z.infer<typeof Manifest>;

/** The manifest of these files. */
export function manifestOf(files: ReadonlyMap<string, Uint8Array>): Manifest {
  const listed = [...files]
    .map(([path, body]) => ({ path, size: body.byteLength, sha256: sha256Of(body) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files: listed, tree: treeOf(listed) };
}

/** The digest of a list of files. */
export function treeOf(files: Manifest['files']): string {
  return sha256Of(new TextEncoder().encode(files.map((file) => `${file.sha256}  ${file.path}\n`).join('')));
}

/** The digest in hexadecimal. */
export function sha256Of(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}
