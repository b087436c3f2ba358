import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { importProblems, readImports } from './check-imports.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'imports-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The problems of a tree with these files, where `app` may import `data` and nothing else is allowed. */
function problemsOf(files: Readonly<Record<string, string>>): string[] {
  for (const [file, text] of Object.entries({ 'app/empty.ts': '', 'data/empty.ts': '', ...files })) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  }
  return importProblems(readImports(root, ['app', 'data']), { '.': { app: ['data'], data: [] } });
}

describe('the check of imports', () => {
  it('accepts imports in the right direction', () => {
    expect(problemsOf({ 'app/a.ts': "import { b } from '#data/b.ts';", 'data/b.ts': '' })).toEqual([]);
  });

  it.each([
    "import { a } from '#app/a.ts';",
    "import { a } from '../app/a.ts';",
    "import type { A } from '#app/a.ts';",
    "import {\n  a,\n  b,\n} from '#app/a.ts';",
    "export * from '#app/a.ts';",
    "import '#app/a.ts';",
    "const a = await import('#app/a.ts');",
    "/** @param {import('#app/a.ts').A} a */",
  ])('finds the wrong direction of %j', (line) => {
    expect(problemsOf({ 'app/a.ts': '', 'data/b.ts': line })).toEqual([
      'data/b.ts imports app/a.ts: under . in test/import-directions.ts, data may import none of its neighbors.',
    ]);
  });

  it('finds a folder without a place in the list', () => {
    const imports = [{ from: 'app/a.ts', to: 'data/b.ts' }];

    expect(importProblems(imports, { '.': { data: [] } })).toEqual([
      'app/a.ts imports data/b.ts: under . in test/import-directions.ts, app is not listed.',
    ]);
  });

  it('lets a test import anything', () => {
    expect(problemsOf({ 'app/a.ts': '', 'data/b.test.ts': "import { a } from '#app/a.ts';" })).toEqual([]);
  });

  it('finds a circle of files, of types too, and not what only leads to it', () => {
    const files = {
      'app/a.ts': "import { b } from './b.ts';",
      'app/b.ts': "import type { C } from './c.ts';",
      'app/c.ts': "import { b } from './b.ts';",
    };

    expect(problemsOf(files)).toEqual([
      'Files import each other in a circle:\n  app/b.ts → app/c.ts\n  app/c.ts → app/b.ts',
    ]);
  });

  it('finds a circle of folders whose files are in none', () => {
    const files = {
      'app/x/a.ts': "import { b } from '../y/b.ts';",
      'app/y/b.ts': '',
      'app/y/c.ts': "import { d } from '../z/d.ts';",
      'app/z/d.ts': "import { e } from '../x/e.ts';",
      'app/x/e.ts': '',
    };

    expect(problemsOf(files)).toEqual([
      'Folders import each other in a circle:\n  app/x/a.ts → app/y/b.ts\n  app/y/c.ts → app/z/d.ts\n  app/z/d.ts → app/x/e.ts',
    ]);
  });

  it('finds a circle of a folder and a folder in it', () => {
    const files = {
      'app/a.ts': "import { b } from './inner/b.ts';",
      'app/inner/b.ts': '',
      'app/inner/c.ts': "import { d } from '../d.ts';",
      'app/d.ts': '',
    };

    expect(problemsOf(files)).toEqual([
      'Folders import each other in a circle:\n  app/a.ts → app/inner/b.ts\n  app/inner/c.ts → app/d.ts',
    ]);
  });
});
