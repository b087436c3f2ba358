import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import { byName, type LeftOut, type ListedPicture, type Listing, splitNamed } from './listing.ts';

/**
 * Lists a folder that has a folder for each class, or such folders in `train/`, `val/` and `test/`. The name of a class is
 * that of its folder, in composed Unicode (NFC), so that copies from a Mac and from elsewhere agree. Folders in a class's folder
 * belong to the class.
 *
 * @param place its name in messages. @default its path
 * @throws {UserError} it cannot be read, has no folders of pictures, or one without any
 */
export async function listFolder(folder: string, place = folder): Promise<Listing> {
  const root = await realpath(folder).catch((error: unknown) => {
    throw systemError(error, folder) ?? error;
  });
  const leftOut: LeftOut[] = [];
  const found: (Omit<ListedPicture, 'label'> & { readonly className: string })[] = [];
  const named = new Set<string>();
  const top = await foldersOf(root, root, leftOut);
  const hasSplits = top.some((name) => splitNamed(name) === 'train') && top.every((name) => splitNamed(name));
  for (const name of top) {
    const split = hasSplits ? splitNamed(name) : undefined;
    const classes =
      split === undefined
        ? [name]
        : (await foldersOf(join(root, name), root, leftOut)).map((each) => `${name}/${each}`);
    for (const path of classes) {
      const className = basename(path).normalize('NFC');
      named.add(className);
      for (const file of await picturesIn(join(root, path), root, leftOut)) {
        found.push({ path: file, className, ...(split && { split }) });
      }
    }
  }
  const classes = [...new Set(found.map(({ className }) => className))].sort(byName);
  if (classes.length === 0) throw noPictures(place, leftOut);
  const labels = new Map(classes.map((name, label) => [name, label]));
  const empty = [...named].find((name) => !labels.has(name));
  if (empty !== undefined) {
    throw new UserError(
      `${place} has no picture in the folder "${empty}". Add pictures of that class, or remove the folder.`,
    );
  }
  const pictures = found.map(({ className, ...picture }) => ({ ...picture, label: labels.get(className)! }));
  return { root, title: basename(resolve(folder)), classes, pictures, leftOut };
}

function noPictures(folder: string, leftOut: readonly LeftOut[]): UserError {
  const seen = leftOut[0];
  return new UserError(
    `${folder} has no pictures in folders. Give a folder that has one folder for each class, such as ${join(folder, 'cats')}, with ` +
      `PNG, JPEG or WebP files in it.${seen ? ` There, ${seen.path} ${seen.reason}.` : ''}`,
  );
}

/** The names of the folders in a folder, sorted; what else is in it belongs to no class. */
async function foldersOf(folder: string, root: string, leftOut: LeftOut[]): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await entriesOf(folder, root, leftOut)) {
    const path = join(folder, entry.name);
    if (await isFolder(entry, path)) names.push(entry.name);
    else leftOut.push({ path: shown(path, root), reason: 'is in no folder of a class' });
  }
  return names;
}

/** Paths of the pictures in a folder and its folders, relative to the root. */
async function picturesIn(folder: string, root: string, leftOut: LeftOut[]): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await entriesOf(folder, root, leftOut)) {
    const path = join(folder, entry.name);
    if (await isFolder(entry, path)) paths.push(...(await picturesIn(path, root, leftOut)));
    else if (isOther(entry.name)) leftOut.push({ path: shown(path, root), reason: 'is no picture by its name' });
    else paths.push(shown(path, root));
  }
  return paths;
}

/** What is in a folder, sorted, without what systems leave there and links that lead elsewhere. */
async function entriesOf(folder: string, root: string, leftOut: LeftOut[]): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw systemError(error, folder) ?? error;
  });
  const kept: Dirent[] = [];
  for (const entry of entries.sort((one, other) => byName(one.name, other.name))) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.') || leftBehind.test(entry.name)) {
      leftOut.push({ path: shown(path, root), reason: 'is hidden, or left by an operating system', kind: 'hidden' });
    } else if (entry.isSymbolicLink() && !(await leadsInside(path, root))) {
      leftOut.push({
        path: shown(path, root),
        reason: 'is a link that leads out of the folder, or nowhere',
        kind: 'link',
      });
    } else if (!entry.isFile() && !entry.isDirectory() && !entry.isSymbolicLink()) {
      leftOut.push({ path: shown(path, root), reason: 'is no file' });
    } else {
      kept.push(entry);
    }
  }
  return kept;
}

const leftBehind = /^(thumbs\.db|desktop\.ini|__MACOSX|\$RECYCLE\.BIN|System Volume Information)$/i;

/** Files that people keep beside pictures. Anything else is opened, so that no picture is left out unseen. */
function isOther(name: string): boolean {
  return /\.(txt|md|csv|tsv|jsonl?|xml|ya?ml|html?|pdf|py|ipynb|log|npy|npz|zip|tar|t?gz|db|ini|mp4|mov|avi)$/i.test(
    name,
  );
}

/** Where a link leads is where its target really is; a folder of links that leads to itself is not followed. */
async function leadsInside(path: string, root: string): Promise<boolean> {
  const target = await realpath(path).catch(() => undefined);
  if (target === undefined || !isInside(target, root)) return false;
  return !isInside(path, target);
}

/** Whether a path is a folder, or something in it. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

async function isFolder(entry: Dirent, path: string): Promise<boolean> {
  return entry.isDirectory() || (entry.isSymbolicLink() && (await stat(path)).isDirectory());
}

function shown(path: string, root: string): string {
  return relative(root, path).replaceAll(sep, '/');
}
