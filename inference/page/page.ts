import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The page, built: one document, and files of which each carries a hash of its content in its name. */
export interface Page {
  readonly html: string;
  /** By name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The name of the document in a folder that was written by `writePage`. */
export const DOCUMENT = 'index.html';

/** A page that was built before: in Lambda there is nothing to build it with. */
export function readPage(folder: string): Page {
  const names = readdirSync(folder).filter((name) => name !== DOCUMENT);
  return {
    html: readFileSync(path.join(folder, DOCUMENT), 'utf8'),
    files: new Map(names.map((name) => [name, readFileSync(path.join(folder, name))])),
  };
}
