import { createHash } from 'node:crypto';
import * as z from 'zod/mini';

const sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** `manifest.json` of a version, written last: what the version consists of, and so that it is complete. */
export const Manifest = z.object({
  /** Sorted by path; everything but the manifest itself. */
  files: z.array(z.object({ path: z.string(), size: z.number().check(z.int(), z.nonnegative()), sha256 })),
  /**
   * SHA-256 of what `sha256sum` prints for the files in this order; its first eight digits end the version's id. By hand:
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

/** In hexadecimal. */
export function sha256Of(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}
