import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it, test } from 'vitest';
import { sourceFiles } from '#jobs/sources.mjs';
import { tensorflowWheels } from '#setup/wheels.mjs';

const root = join(import.meta.dirname, '..');

/** What the bundle is made of: the program, and its threads. */
const programs = ['jobs/main.ts', 'training/data/batches.worker.ts', 'jobs/bulk/bulk.worker.ts'];

/** The project's files that a program is made of. */
async function sourcesOf(...programs: string[]): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: programs,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    outdir: 'unused',
    write: false,
    metafile: true,
  });
  return Object.keys(metafile.inputs).sort();
}

/** The words of the lines of a Dockerfile's stage that begin with an instruction. */
function linesOf(dockerfile: string, stage: string, instruction: string): string[][] {
  const text = readFileSync(join(root, dockerfile), 'utf8').replaceAll(/\\\n\s*/g, '');
  const [, body = ''] = text.split(new RegExp(`^FROM .* AS ${stage}$`, 'm'));
  const [lines = ''] = body.split(/^FROM /m);
  return lines
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([first]) => first === instruction)
    .map(([, ...words]) => words);
}

describe.each(['training/Dockerfile', 'training/Dockerfile.cpu'])('%s', (dockerfile) => {
  const copied = (stage: string) => linesOf(dockerfile, stage, 'COPY').flatMap((words) => words.slice(0, -1));

  it('fetches the libraries with the files of the program that fetches them, and no other', async () => {
    expect(copied('libraries').sort()).toEqual(await sourcesOf('setup/image.mjs'));
  });

  const isCopied = (file: string) =>
    [...copied('libraries'), ...copied('program')].some(
      (place) => file === place || (place.endsWith('/') && file.startsWith(place)),
    );

  it('copies all that the program is made of', async () => {
    const sources = await sourcesOf(...programs, 'jobs/bundle.mjs');
    expect(sources.filter((file) => !isCopied(file))).toEqual([]);
  });

  it('copies all that says which code a plan was made by, so that the image has the digest of the clone', () => {
    const files = sourceFiles(root);
    expect(files.filter((file) => !isCopied(file))).toEqual([]);
    expect(files.length).toBeGreaterThan(200);
  });

  it('names its base images by their exact version, and installs nothing from Debian', () => {
    const text = readFileSync(join(root, dockerfile), 'utf8');
    const bases = [...text.matchAll(/^FROM --platform=linux\/amd64 (\S+)/gm)].map(([, base]) => base);
    expect(bases).toHaveLength(2);
    for (const base of bases) expect(base).toMatch(/^node:24\.\d+\.\d+-bookworm(-slim)?$/);
    expect(text).not.toContain('apt');
  });
});

test('all that the program is made of counts for the code of a plan, but how set-up finds its folders', async () => {
  const counted = new Set(sourceFiles(root));
  const others = (await sourcesOf(...programs)).filter((file) => !counted.has(file));
  expect(others.filter((file) => !file.startsWith('setup/'))).toEqual([]);
});

test('every library of CUDA that is installed is in the image, each in a layer of its own', () => {
  const wheels = tensorflowWheels({ gpu: true, platform: 'linux-x64' })!;
  const installed = wheels.map(({ project }) => /^nvidia-(.+)-cu12$/.exec(project)?.[1]).filter((name) => name);
  const text = readFileSync(join(root, 'training/Dockerfile'), 'utf8');
  const copied = [...text.matchAll(/^COPY --from=libraries \S+\/nvidia\/(\w+) \S+\/nvidia\/\1\/$/gm)].map(
    ([, name]) => name,
  );
  expect(copied.sort()).toEqual(installed.map((name) => name!.replaceAll('-', '_')).sort());
});
