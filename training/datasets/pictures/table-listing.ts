import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import { isInside } from './folder-listing.ts';
import { byName, knownSplits, type LeftOut, type ListedPicture, type Listing, splitNamed } from './listing.ts';

/** The columns of a table, each with the names that it may have. */
const columns = {
  path: ['path', 'file', 'filename', 'image'],
  label: ['label', 'class'],
  split: ['split', 'set'],
  group: ['group'],
} as const;
type Column = keyof typeof columns;

const columnOf = new Map(
  Object.entries(columns).flatMap(([column, names]) =>
    names.map((name) => [name as string, column as Column] as const),
  ),
);

/** A line of a table, by column. */
type Row = Partial<Record<Column, string>> & { readonly line: number };

/**
 * Lists the pictures of a table: a `.csv` file with a header, or a `.jsonl` file with an object a line. It has the columns
 * `path` (relative to the table's folder) and `label`, and may have `split` (train, val or test) and `group`. Rows keep their order.
 *
 * @param shown what it is in, such as an archive, in messages. @default its path
 * @throws {UserError} it cannot be read, a column is unknown or missing, or a row has no valid value; the message names the line
 */
export async function listTable(path: string, shown = path): Promise<Listing> {
  const file = shown === path ? path : `${shown}: ${basename(path)}`;
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw systemError(error, file) ?? error;
  });
  const root = await realpath(dirname(path));
  const rows = extname(path).toLowerCase() === '.csv' ? csvRows(text, file) : jsonRows(text, file);
  if (rows.length === 0)
    throw new UserError(`${file} has no rows. Give a line for each picture, with its path and label.`);
  const leftOut: LeftOut[] = [];
  const first = new Map<string, Row>();
  const kept = rows
    .map((row) => checked(row, file))
    .filter((row) => {
      const earlier = first.get(row.path);
      if (earlier === undefined) {
        first.set(row.path, row);
        return true;
      }
      if (earlier.label !== row.label) {
        throw new UserError(
          `${file}, line ${row.line}: ${row.path} has the label ${row.label}, and ${earlier.label} in line ${earlier.line}. Keep one of them.`,
        );
      }
      leftOut.push({ path: row.path, reason: `is in line ${earlier.line} and again in line ${row.line}` });
      return false;
    });
  const classes = [...new Set(kept.map(({ label }) => label))].sort(byName);
  const labels = new Map(classes.map((name, label) => [name, label]));
  for (let start = 0; start < kept.length; start += AT_ONCE) {
    await Promise.all(kept.slice(start, start + AT_ONCE).map((row) => checkLink(row, root, file)));
  }
  const pictures = kept.map(({ line: _, ...row }): ListedPicture => ({ ...row, label: labels.get(row.label)! }));
  return { root, title: basename(path, extname(path)), classes, pictures, leftOut };
}

/** Paths that are looked up at a time. */
const AT_ONCE = 256;

/** @throws {UserError} the picture is a link, or behind one, that leads out of the folder. What is not there is found later. */
async function checkLink({ path, line }: CheckedRow, root: string, file: string): Promise<void> {
  const target = await realpath(join(root, path)).catch(() => undefined);
  if (target === undefined || isInside(target, root)) return;
  throw new UserError(
    `${file}, line ${line}: ${path} is a link that leads out of the table's folder. Copy the picture there.`,
  );
}

function csvRows(text: string, file: string): Row[] {
  let records: { readonly record: string[]; readonly info: { readonly lines: number } }[];
  try {
    records = parse(text, {
      bom: true,
      info: true,
      skip_empty_lines: true,
      trim: true,
      relax_column_count: false,
    }) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UserError(`${file} is not valid CSV: ${error.message}. Put values with commas in double quotes.`, {
      cause: error,
    });
  }
  const [header, ...rest] = records;
  const names = (header?.record ?? []).map((name) => known(name, file));
  for (const needed of ['path', 'label'] as const) {
    if (!names.includes(needed)) {
      throw new UserError(
        `${file} has no column "${needed}" in its first line. Begin it with a header such as "path,label" or "path,label,split".`,
      );
    }
  }
  return rest.map(({ record, info }) => ({
    ...Object.fromEntries(names.map((name, at) => [name, record[at]])),
    line: info.lines,
  }));
}

function jsonRows(text: string, file: string): Row[] {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  return lines.flatMap((each, index): Row[] => {
    if (each.trim() === '') return [];
    const line = index + 1;
    let value: unknown;
    try {
      value = JSON.parse(each);
    } catch (error) {
      throw new UserError(`${file}, line ${line} is not JSON: ${(error as Error).message}. Give an object a line.`, {
        cause: error,
      });
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UserError(
        `${file}, line ${line} is not an object. Give one such as {"path": "a.png", "label": "cat"}.`,
      );
    }
    const cells = Object.entries(value).map(([name, cell]) => [
      known(name, file, line),
      textOf(cell, name, file, line),
    ]);
    return [{ ...Object.fromEntries(cells), line }];
  });
}

function textOf(cell: unknown, name: string, file: string, line: number): string {
  if (typeof cell === 'string' || typeof cell === 'number') return String(cell);
  throw new UserError(`${file}, line ${line}: "${name}" is ${JSON.stringify(cell)}. Give a text or a number.`);
}

function known(name: string, file: string, line = 1): Column {
  const column = columnOf.get(name.trim().toLowerCase());
  if (column !== undefined) return column;
  throw new UserError(
    `${file}, line ${line}: the column "${name}" is unknown. The columns are path, label, split and group; remove the others.`,
  );
}

type CheckedRow = Pick<ListedPicture, 'split' | 'group'> & {
  readonly path: string;
  readonly label: string;
  readonly line: number;
};

function checked({ path = '', label = '', split = '', group = '', line }: Row, file: string): CheckedRow {
  const where = `${file}, line ${line}`;
  if (path.trim() === '')
    throw new UserError(`${where} has no path. Give the picture's, relative to the table's folder.`);
  if (label.trim() === '') throw new UserError(`${where}: ${path} has no label. Give the name of its class.`);
  const slashed = path.replaceAll('\\', '/');
  if (isAbsolute(path) || /^[a-z]:\//i.test(slashed) || !isInside(resolve('/table', slashed), '/table')) {
    throw new UserError(
      `${where}: ${path} leads out of the table's folder. Give a path in it, and put the table above its pictures.`,
    );
  }
  const named = splitNamed(split.trim());
  if (split.trim() !== '' && named === undefined) {
    throw new UserError(`${where}: ${path} has the split "${split}". Give one of ${knownSplits}, or leave it empty.`);
  }
  return {
    path: slashed,
    label: label.trim().normalize('NFC'),
    line,
    ...(named && { split: named }),
    ...(group.trim() !== '' && { group: group.trim() }),
  };
}
