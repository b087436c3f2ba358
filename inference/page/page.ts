import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The built page: a document, and files whose names contain a hash of their content. */
export interface Page {
  readonly html: string;
  /** By name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The name of the document in a folder written by `writePage`. */
export const DOCUMENT = 'index.html';

/** Reads a page that was built before, since Lambda has no build tools. */
export function readPage(folder: string): Page {
  const names = readdirSync(folder).filter((name) => name !== DOCUMENT);
  return {
    html: readFileSync(path.join(folder, DOCUMENT), 'utf8'),
    files: new Map(names.map((name) => [name, readFileSync(path.join(folder, name))])),
  };
}
