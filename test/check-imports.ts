/**
 * `npm run imports`: no file imports against the directions of `import-directions.ts`, and there is no circle of imports,
 * neither between files nor between folders (a folder and a folder in it are two). Imports of types count.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { directions } from './import-directions.ts';

export interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every import of one of our files by another, as paths relative to `root`. */
export function readImports(root: string, folders: readonly string[]): Import[] {
  const isSource = (file: string) => /\.(ts|mjs)$/.test(file);
  const files = folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(isSource)
      .map((file) => path.posix.join(folder, file)),
  );
  const known = new Set(files);
  return files.flatMap((from) => {
    const text = readFileSync(path.join(root, from), 'utf8');
    const names = [...text.matchAll(/\b(?:from|import)\s*\(?\s*'([#.][^']+)'/g)].map(([, name = '']) => name);
    const targets = names.map((name) =>
      name.startsWith('#') ? name.slice(1) : path.posix.join(path.posix.dirname(from), name),
    );
    return [...new Set(targets)].filter((to) => known.has(to)).map((to) => ({ from, to }));
  });
}

/** What is wrong with these imports, one message each. */
export function importProblems(imports: readonly Import[], allowed = directions): string[] {
  const product = imports.filter(({ from }) => !/^(bench|test)\/|\.(test|contract|fixture)\.ts$/.test(from));
  return [
    ...product.flatMap((each) => wrongDirection(each, allowed)),
    ...circles(imports, (file) => file).map((circle) => `Files import each other in a circle:${circle}`),
    ...circles(product, path.posix.dirname).map((circle) => `Folders import each other in a circle:${circle}`),
  ];
}

function wrongDirection({ from, to }: Import, allowed: typeof directions): string[] {
  const [source, target] = [from.split('/'), to.split('/')];
  const depth = source.findIndex((name, at) => name !== target[at]);
  const parent = source.slice(0, depth).join('/') || '.';
  const [one = '', other = ''] = [source[depth], target[depth]];
  const rule = allowed[parent];
  if (!rule || rule[one]?.includes(other)) return [];
  const allows = rule[one] ? `may import ${rule[one].join(', ') || 'none of its neighbors'}` : 'is not listed';
  return [`${from} imports ${to}: under ${parent} in test/import-directions.ts, ${one} ${allows}.`];
}

/** Each group of nodes that reach one another, as the imports between them; `nodeOf` a file is the file or its folder. */
function circles(imports: readonly Import[], nodeOf: (file: string) => string): string[] {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    if (nodeOf(from) !== nodeOf(to)) next.set(nodeOf(from), (next.get(nodeOf(from)) ?? new Set()).add(nodeOf(to)));
  }
  const reachable = new Map([...next.keys()].map((node) => [node, reach(node, next)]));
  const groups = new Map<string, string[]>();
  for (const { from, to } of imports) {
    const [one, other] = [nodeOf(from), nodeOf(to)];
    if (one === other || !reachable.get(other)?.has(one)) continue;
    const group = [...reachable.get(one)!].filter((node) => reachable.get(node)?.has(one)).sort()[0]!;
    groups.set(group, [...(groups.get(group) ?? []), `\n  ${from} → ${to}`]);
  }
  return [...groups.values()].map((lines) => lines.join(''));
}

function reach(start: string, next: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const found = new Set(next.get(start));
  for (const node of found) for (const each of next.get(node) ?? []) found.add(each); // visits those added, too
  return found;
}

if (process.argv[1] === import.meta.filename) {
  const folders = Object.keys(packageJson.imports).map((name) => name.slice(1, name.indexOf('/')));
  const imports = readImports(path.resolve(import.meta.dirname, '..'), [...folders, 'bench', 'test']);
  const problems = importProblems(imports);
  for (const problem of problems) console.error(problem);
  console.log(`${imports.length} imports, ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
