import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, withLock } from '#setup/cache.mjs';
import type { ImageForm, LoadOptions } from '../../data/dataset.ts';
import type { Listing } from './listing.ts';
import { openPictures } from './open-pictures.ts';
import { Pack, type PackedPicture } from './pack.ts';

/** Changes whenever the same file would give other pixels or facts. */
const FORMAT = 2;
/** Milliseconds between two lines of progress, and between two writes of the index. */
const INTERVAL = 500;

/**
 * Opens every picture of a listing that is not in the cache as it is now, and calls `use` with all of them. What was opened
 * before an interruption need not be opened again, and when one file changes, one is opened.
 *
 * @param image what the pictures become
 * @param use is given what is known of each picture, in the order of the listing, and the pack with their pixels
 * @throws the signal's reason, once it is aborted
 */
export async function withPictures<Result>(
  listing: Listing,
  image: ImageForm,
  { progress, signal }: Pick<LoadOptions, 'progress' | 'signal'>,
  use: (pictures: readonly PackedPicture[], pack: Pack) => Promise<Result>,
): Promise<Result> {
  const name = `pictures-${createHash('sha256').update(`${FORMAT} ${image.size} ${image.fit} ${listing.root}`).digest('hex').slice(0, 16)}`;
  const folder = join(cacheRoot(), name);
  const onWait = ({ pid }: { readonly pid: number }) =>
    progress?.(`waiting for process ${pid}, which is opening the pictures of ${listing.title}`);
  return withLock(
    `${folder}.lock`,
    async () => {
      const pack = await Pack.open(folder, 3 * image.size ** 2);
      try {
        await openMissing(listing, image, pack, { ...(progress && { progress }), ...(signal && { signal }) });
        return await use(
          listing.pictures.map(({ path }) => pack.get(path)!),
          pack,
        );
      } finally {
        await pack.close();
      }
    },
    { onWait, ...(signal && { signal }) },
  );
}

async function openMissing(
  { root, title, pictures }: Listing,
  image: ImageForm,
  pack: Pack,
  { progress, signal }: Pick<LoadOptions, 'progress' | 'signal'>,
): Promise<void> {
  const missing: { readonly root: string; readonly path: string }[] = [];
  for (let start = 0; start < pictures.length; start += AT_ONCE) {
    signal?.throwIfAborted();
    const some = pictures.slice(start, start + AT_ONCE);
    const known = await Promise.all(some.map(({ path }) => isKnown(join(root, path), pack.get(path))));
    missing.push(...some.flatMap(({ path }, at) => (known[at] ? [] : [{ root, path }])));
  }
  const startedAt = performance.now();
  let shownAt = Number.NEGATIVE_INFINITY;
  let count = 0;
  for await (const { path, state, found } of openPictures(missing, image, signal)) {
    if ('pixels' in found) await pack.add(path, state, found);
    else pack.addProblem(path, state, found);
    count++;
    const now = performance.now();
    if (now - shownAt < INTERVAL) continue;
    shownAt = now;
    await pack.flush();
    const left = ((now - startedAt) / 1000 / count) * (missing.length - count);
    progress?.(`opening the pictures of ${title}: ${count} of ${missing.length}, ${Math.ceil(left)} s left`);
  }
}

/** Files that are looked at at a time. */
const AT_ONCE = 256;

async function isKnown(file: string, packed: PackedPicture | undefined): Promise<boolean> {
  if (packed === undefined) return false;
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && found.size === packed.bytes && found.mtimeMs === packed.modified;
}
