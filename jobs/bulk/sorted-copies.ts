import { linkSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { systemError } from '#errors/system-error.ts';

/**
 * The folder of each class, by its name. Every name is one that each file system takes, and no two are the same where letters
 * differ in case alone.
 */
export function classFolders(classes: readonly string[]): ReadonlyMap<string, string> {
  const folders = new Map<string, string>();
  const taken = new Set<string>();
  for (const label of classes) {
    const plain = safeName(label);
    let name = plain;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${plain}~${count}`;
    taken.add(name.toLowerCase());
    folders.set(label, name);
  }
  return folders;
}

/** Names that Windows keeps for devices. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

function safeName(label: string): string {
  const name = label
    .normalize('NFC')
    .replaceAll(/[\p{Cc}<>:"/\\|?*]/gu, '_')
    .replace(/^\./, '_')
    .replace(/[. ]+$/, '_')
    .slice(0, 100);
  return name === '' || DEVICE.test(name) ? `_${name}` : name;
}

/**
 * Copies a picture to a place of its own, whole or not at all. A file that is there is never replaced; the same picture counts
 * as copied.
 *
 * @returns why it could not be copied
 */
export function copyPicture(bytes: Uint8Array, place: string): string | undefined {
  try {
    if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) {
      return readFileSync(place).equals(bytes)
        ? undefined
        : `${place} is there and is another file. It was not replaced.`;
    }
    mkdirSync(dirname(place), { recursive: true });
    const draft = join(dirname(place), `.${process.pid}-${threadId}.draft`);
    writeFileSync(draft, bytes);
    try {
      linkSync(draft, place);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return `${place} is there by now. It was not replaced.`;
      renameSync(draft, place); // Not every file system has links.
    }
    rmSync(draft, { force: true });
    return undefined;
  } catch (error) {
    const problem = systemError(error, place);
    if (problem === undefined) throw error;
    return problem.message;
  }
}
