import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as z from 'zod/mini';
import { shellWord } from '#environment/shell-word.ts';
import { UsageError } from '#errors/user-error.ts';
import { decodeJson } from '#models/json.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { readSweep } from '#training/record/sweep/read-sweep.ts';
import { writeResults } from './results.ts';
import { ExperimentResults, experimentFigures } from './the-post/experiment-results.ts';
import { type Experiment, experimentTables, questionOf } from './the-post/experiment-tables.ts';
import { between, filled } from './the-post/markdown.ts';
import { postCurves } from './the-post/post-curves.ts';
import { PostResult } from './the-post/post-results.ts';
import { logTable, lowestTable, testTable } from './the-post/post-tables.ts';

const PAGE = 'docs/the-post.md';
/** What the picture shows, for those who do not see it. */
const CURVES = 'Loss and accuracy by epoch: training and held out, and the test images of the seeds and of the post';

interface Options {
  /** `<experiment>=<id>` each, or `<id>,<id>` of sweeps with other seeds: what to record first. */
  readonly sweeps: readonly string[];
  /** That has them. */
  readonly store: string;
}

/** Writes the tables of docs/the-post.md, and its curves, from the latest files of results/. */
export async function writePostPage({ sweeps, store }: Options): Promise<void> {
  const names = (await readdir('experiments')).flatMap((file) => /^(.+)\.yaml$/.exec(file)?.[1] ?? []).sort();
  for (const each of sweeps) console.log((await recordSweep(each, { names, store })).join('\n'));
  const experiments = await Promise.all(names.map(readExperiment));
  const before = await readFile(PAGE, 'utf8');
  const tables = experimentTables(experiments, between(before, 'experiments'));
  let page = filled(before, 'experiments', tables);
  const results = await postResults();
  if (results.length === 0)
    console.log('results/ has no <date>-the-post-seed-<seed>.json: its tables stay as they are.');
  else {
    page = filled(page, 'test images', testTable(results));
    page = filled(page, 'training log', logTable(results));
    page = filled(page, 'lowest loss', lowestTable(results));
    page = filled(page, 'curves', `![${CURVES}](images/the-post.svg)`);
    await writeFile('docs/images/the-post.svg', postCurves(results));
  }
  await writeFile(PAGE, page);
  console.log(`written to ${PAGE}`);
}

/** @param each of the option `--sweep`. @returns lines for people */
async function recordSweep(
  each: string,
  { names, store }: { readonly names: readonly string[]; readonly store: string },
): Promise<string[]> {
  const [, name = '', ids] = /^(.+)=([0-9a-f]{12}(?:,[0-9a-f]{12})*)$/.exec(each) ?? [];
  if (ids === undefined || !names.includes(name)) {
    throw new UsageError(`--sweep cannot be "${each}". Give <experiment>=<id>, such as ${names[0]}=0123456789ab.`);
  }
  const opened = await openObjectStore(store);
  const [first, ...others] = await Promise.all(ids.split(',').map((id) => readSweep(opened, id)));
  const figures = experimentFigures(first!, ...others);
  const command = `./cifar10 sweep experiments/${name}.yaml --store ${shellWord(store)}`;
  return writeResults(`experiment-${name}`, command, figures);
}

async function readExperiment(name: string): Promise<Experiment> {
  const question = questionOf(await readFile(`experiments/${name}.yaml`, 'utf8'));
  return { name, question, results: await latest(`experiment-${name}`, ExperimentResults) };
}

/** The latest of each seed, by seed. */
async function postResults(): Promise<PostResult[]> {
  const names = (await readdir('results')).flatMap(
    (file) => /^[\d-]{11}(the-post-seed-\d+)\.json$/.exec(file)?.[1] ?? [],
  );
  const results = await Promise.all([...new Set(names)].map((name) => latest(name, PostResult)));
  return results.flatMap((each) => each ?? []).sort((a, b) => a.seed - b.seed);
}

/** The latest `results/<date>-<name>.json`; undefined where there is none. @throws {MalformedObject} it has another form */
async function latest<Schema extends z.core.$ZodType>(
  name: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const file = (await readdir('results'))
    .filter((each) => /^\d{4}-\d\d-\d\d-/.test(each) && each.slice(11) === `${name}.json`)
    .sort()
    .at(-1);
  if (file === undefined) return undefined;
  const path = join('results', file);
  return decodeJson(schema, await readFile(path), path);
}
