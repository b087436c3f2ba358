import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';
import { DOCUMENT, type Page } from './page.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const source = (name: string) => path.join(root, 'inference', 'page', name);

/** The links in the document, and the source file of each. */
const LINKED = { 'icon.svg': 'icon.svg', 'page.css': 'page.css', 'main.ts': 'browser/main.ts' };

const options = {
  absWorkingDir: root,
  entryPoints: Object.values(LINKED).map(source),
  outdir: path.join(root, 'page'),
  write: false,
  metafile: true,
  bundle: true,
  // The engine is a separate file that is loaded only on demand.
  splitting: true,
  format: 'esm',
  platform: 'browser',
  target: ['es2022', 'chrome109', 'firefox115', 'safari16.4'],
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  loader: { '.svg': 'copy' },
  minify: true,
  legalComments: 'eof',
  logLevel: 'error',
} satisfies BuildOptions;

let built: Page | undefined;

/** Builds the page from its sources, once per process. That takes a second. */
export function buildPage(): Page {
  built ??= build();
  return built;
}

function build(): Page {
  const { outputFiles, metafile } = buildSync(options);
  const outputs = Object.entries(metafile.outputs);
  let html = readFileSync(source('page.html'), 'utf8');
  for (const [link, file] of Object.entries(LINKED)) {
    const inputs = (output: (typeof outputs)[number][1]) => [output.entryPoint, ...Object.keys(output.inputs)];
    const [built] = outputs.find(([, output]) => inputs(output)[0] === `inference/page/${file}`) ?? [];
    const quoted = `"${link}"`;
    if (!built || !html.includes(quoted)) throw new Error(`page.html does not link to ${link}.`);
    html = html.replace(quoted, `"page/${path.basename(built)}"`);
  }
  return { html, files: new Map(outputFiles.map((file) => [path.basename(file.path), file.contents])) };
}

/** Writes the page to a folder, for `readPage`. */
export function writePage(folder: string): void {
  const { html, files } = buildPage();
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, DOCUMENT), html);
  for (const [name, body] of files) writeFileSync(path.join(folder, name), body);
}
