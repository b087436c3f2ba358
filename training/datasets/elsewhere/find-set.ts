import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '#errors/user-error.ts';

/**
 * Finds the data set in a folder that was made of an archive or a bucket: a table in it, or else the folder. A single folder in it, as
 * GitHub and macOS make, is looked through.
 *
 * @param shown the archive's or bucket's name for people
 * @returns the path of a folder or a table
 * @throws {UserError} there are several tables
 */
export async function findSet(folder: string, shown: string): Promise<string> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !isHidden(name));
  const tables = entries.filter((entry) => entry.isFile() && /\.(csv|jsonl)$/i.test(entry.name));
  if (tables.length > 1) {
    throw new UserError(
      `${shown} has several tables: ${tables
        .map(({ name }) => name)
        .sort()
        .join(', ')}. Leave one, with the columns path and label.`,
    );
  }
  if (tables[0]) return join(folder, tables[0].name);
  const [only, ...others] = entries;
  if (!only?.isDirectory() || others.length > 0) return folder;
  const inside = await readdir(join(folder, only.name), { withFileTypes: true });
  const isClass = !inside.some(
    (entry) => !isHidden(entry.name) && (entry.isDirectory() || /\.(csv|jsonl)$/i.test(entry.name)),
  );
  return isClass ? folder : findSet(join(folder, only.name), shown);
}

function isHidden(name: string): boolean {
  return name.startsWith('.') || name === '__MACOSX';
}
