import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { moveAlias } from '#models/aliases.ts';
import type { Card } from '#models/card.ts';
import type { Golden } from '#models/golden.ts';
import { encodeJson } from '#models/json.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion } from '#models/versions.ts';
import { loadCifar10 } from '../datasets/cifar10/cifar10.ts';
import { png, writeFiles } from '../datasets/pictures/pictures.fixture.ts';
import type { Comparison } from '../evaluation/comparison.ts';

let folder: string;
/** Ids of two versions, in two stores; the first is the candidate in its own. */
let first: string;
let second: string;
/** In the first store as well: versions of the same classes that were trained on other data, and of other classes. */
let ofOtherData: string;
let ofOtherClasses: string;
beforeAll(async () => {
  await loadCifar10();
  folder = await mkdtemp(join(tmpdir(), 'compare-'));
  const mine = folderStore(join(folder, 'mine'));
  first = await publishVersion(mine, await exampleModel({ seed: 1 }));
  second = await publishVersion(folderStore(join(folder, 'theirs')), await exampleModel({ seed: 2 }));
  const classes = ['ant', 'bee', 'cow', 'dog', 'eel', 'fox', 'gnu', 'hen', 'ibis', 'jay'];
  const card = exampleCardOf(await exampleModel());
  const sha256 = { train: 'a'.repeat(64), test: 'b'.repeat(64) };
  const other = { name: 'seven', data: { name: 'Seven', sha256, heldOut: 0 } };
  ofOtherData = await publishVersion(mine, await exampleModel({ seed: 3, card: other }));
  const accuracy = { ...card.accuracy, perClass: Object.fromEntries(classes.map((name) => [name, 0.1])) };
  const files = await exampleModel({ seed: 4, card: { classes, accuracy } });
  const golden = JSON.parse(Buffer.from(files.get('golden.json')!).toString()) as Golden;
  const images = golden.images.map((image) => ({ ...image, label: classes[0]! }));
  ofOtherClasses = await publishVersion(mine, files.set('golden.json', encodeJson({ ...golden, images })));
  await moveAlias(mine, 'candidate', { to: first, by: 'a test', expected: undefined });
}, 300_000);
afterAll(async () => {
  await rm(folder, { recursive: true });
});

function exampleCardOf(files: ReadonlyMap<string, Uint8Array>): Card {
  return JSON.parse(Buffer.from(files.get('card.json')!).toString());
}

interface Printed {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

function compare(...words: string[]): Promise<Printed> {
  return compareWith({}, ...words);
}

async function compareWith(variables: NodeJS.ProcessEnv, ...words: string[]): Promise<Printed> {
  const child = spawn(process.execPath, ['--import', './setup/typescript.mjs', 'cli/cifar10.ts', 'compare', ...words], {
    cwd: join(import.meta.dirname, '../..'),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1', ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, error };
}

/** On thirty pictures of a person's own, of which ten are tested on: 10,000 show nothing more. */
async function comparePhotos(...words: string[]): Promise<Printed> {
  const photos = join(folder, 'photos');
  const { classes } = exampleCardOf(await exampleModel());
  const pictures = classes.flatMap((name, at) => [1, 2, 3].map((n) => [`${name}/${n}.png`, png(10 * at + n)]));
  await writeFiles(photos, Object.fromEntries(pictures));
  return compareWith({ XDG_CACHE_HOME: join(folder, 'cache') }, ...words, '--data', photos);
}

test('an alias of one store and a version of another are compared image by image', async () => {
  const stores = ['--store', join(folder, 'mine'), '--other-store', join(folder, 'theirs')];
  const { code, out } = await compare('candidate', second, ...stores, '--json');
  expect(code).toBe(0);
  const comparison: Comparison = JSON.parse(out);
  expect(comparison).toMatchObject({
    images: 10_000,
    first: { version: first, alias: 'candidate' },
    second: { version: second },
  });
  const { bothRight, onlyFirst, onlySecond, bothWrong, difference } = comparison;
  expect(bothRight + onlyFirst + onlySecond + bothWrong).toBe(10_000);
  expect(comparison.first.plain).toBe((bothRight + onlyFirst) / 10_000);
  expect(comparison.second.plain).toBe((bothRight + onlySecond) / 10_000);
  expect(comparison.second.plain - comparison.first.plain).toBeCloseTo(difference, 10);
  // Untrained nets answer nearly always the same class, so per class they differ by more than luck.
  expect(comparison.perClass.some(({ isSignificant }) => isSignificant)).toBe(true);
});

test('versions that were tested on different images both classify those of the second, or of --data', async () => {
  const store = ['--store', join(folder, 'mine')];
  const [ofSecond, unavailable, chosen, otherClasses] = await Promise.all([
    compare(ofOtherData, first, ...store),
    compare(first, ofOtherData, ...store),
    comparePhotos(first, ofOtherData, ...store, '--json'),
    compare(first, ofOtherClasses, ...store),
  ]);
  expect(ofSecond.out).toContain('On the same 10,000 test images of CIFAR-10');
  expect(ofSecond.out).toContain(`${ofOtherData} was tested on other images when it was trained`);
  expect(ofSecond.out).not.toContain(`${first} was tested on other images`);
  expect(unavailable.code).not.toBe(0);
  expect(unavailable.error).toContain('which were never loaded on this machine');
  expect(JSON.parse(chosen.out)).toMatchObject({ data: 'photos', images: 10 });
  expect(otherClasses.error).toContain('know different classes, so there is nothing to compare');
});

test('a version and itself are the same, and a version that is not there is named', async () => {
  const [same, missing] = await Promise.all([
    comparePhotos('candidate', first, '--store', join(folder, 'mine')),
    compare('candidate', second, '--store', join(folder, 'mine')),
  ]);
  expect(same).toMatchObject({ code: 0 });
  expect(same.out).toContain('difference +0.00 points');
  expect(same.out).toContain('They get the same images right and the same ones wrong.');
  expect(missing.code).toBe(2);
  expect(missing.error).toContain(second);
});

test('it takes groups of a sweep, and says where there is none', async () => {
  const { code, error } = await compare('a=1', 'a=2', '--sweep', '0123456789ab', '--store', join(folder, 'mine'));
  expect(code).toBe(2);
  expect(error).toContain('has no plan "0123456789ab"');
});
