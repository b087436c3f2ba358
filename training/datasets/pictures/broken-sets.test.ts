import { execFileSync } from 'node:child_process';
import { chmod, lchown, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import type { OnBad } from '../../data/dataset.ts';
import type { FindingKind } from './finding.ts';
import { inspectPictures } from './inspect-pictures.ts';
import { loadPictures } from './load-pictures.ts';
import { catsAndDogs, png, temporaryFolder, writeFiles } from './pictures.fixture.ts';

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const fixture = (name: string) => readFile(new URL(`../../../images/fixtures/${name}`, import.meta.url));
const cut = (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2);
const pets = catsAndDogs(21);

type Files = Readonly<Record<string, Uint8Array | string>>;

let sets = 0;

/** Writes a set of two whole classes and these files. @returns the folder */
async function setOf(files: Files): Promise<string> {
  const place = join(folder, String(sets++));
  await writeFiles(place, { ...pets, ...files });
  return place;
}

async function findingsOf(place: string) {
  return (await inspectPictures(place, {})).findings.map(({ kind, level, remedy, examples }) => {
    return { kind, level, remedy, examples: examples.map(({ words }) => words).join('\n') };
  });
}

function grey(number: number): Uint8Array {
  const data = Uint8Array.from({ length: 1600 }, (_, at) => (number * at * at) % 256);
  return encode({ width: 40, height: 40, channels: 1, depth: 8, data });
}

/** The header of a picture of 30,000 x 30,000 pixels, before those of a small one. */
function huge(): Uint8Array {
  const bytes = Buffer.from(png(5));
  bytes.writeUInt32BE(30_000, 16);
  bytes.writeUInt32BE(30_000, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

const plain = encode({ width: 40, height: 40, channels: 3, depth: 8, data: new Uint8Array(4800).fill(9) });
const heic = Buffer.concat([Buffer.of(0, 0, 0, 24), Buffer.from('ftypheic\0\0\0\0mif1heic'), Buffer.alloc(100)]);
const birds = (count: number, name = 'birds'): Files =>
  Object.fromEntries(Array.from({ length: count }, (_, number) => [`${name}/${number}.png`, png(5_000 + number)]));

/** Root may read everything, so for a while this process is somebody else's, and so are the files. */
async function asOrdinaryUser(work: () => Promise<void>): Promise<void> {
  if (process.getuid!() !== 0) return work();
  const nobody = 65_534;
  await lchown(folder, nobody, nobody);
  for (const each of await readdir(folder, { recursive: true })) await lchown(join(folder, each), nobody, nobody);
  process.seteuid!(nobody);
  try {
    await work();
  } finally {
    process.seteuid!(0);
  }
}

describe('a broken set', () => {
  test.each<readonly [string, FindingKind, () => Promise<Files> | Files, string]>([
    ['a truncated picture', 'damaged', () => ({ 'cats/x.png': cut(png(5)) }), 'cats/x.png cannot be read: This PNG'],
    ['an empty file', 'empty', () => ({ 'cats/x.png': '' }), 'cats/x.png is empty'],
    ['text with a picture’s name', 'no-picture', () => ({ 'cats/x.png': 'none' }), 'cats/x.png is text, no PNG'],
    ['raw pixels', 'no-picture', () => ({ 'cats/x': new Uint8Array(3072).fill(200) }), 'cats/x is an unknown file'],
    ['a picture of 30,000 x 30,000', 'too-large', () => ({ 'cats/x.png': huge() }), 'is 30000x30000'],
    ['a HEIC picture', 'heic', () => ({ 'cats/x.heic': heic }), 'cats/x.heic is a HEIC image'],
    [
      'a JPEG that is called PNG',
      'wrong-ending',
      async () => ({ 'cats/x.png': await fixture('grey.jpg') }),
      'cats/x.png is a JPEG image',
    ],
    ['files of systems', 'hidden', () => ({ 'cats/.DS_Store': 'x', 'Thumbs.db': 'x' }), 'cats/.DS_Store is hidden'],
    ['a picture without a class', 'left-out', () => ({ 'x.png': png(5) }), 'x.png is in no folder of a class'],
    ['a picture in two classes', 'two-classes', () => ({ 'dogs/x.png': png(3) }), 'cats/3.png and dogs/x.png ("cats"'],
    ['a copy', 'duplicates', () => ({ 'cats/x.png': png(3) }), 'cats/3.png and cats/x.png'],
    [
      'a picture in another format',
      'near-duplicates',
      async () => ({ 'cats/x.png': await fixture('drawing.png'), 'cats/y.webp': await fixture('lossless.webp') }),
      'cats/x.png and cats/y.webp',
    ],
    ['a class with few pictures', 'few-pictures', () => birds(3), '"birds" (3)'],
    ['a rare class', 'imbalance', () => birds(2), '"dogs" (21) and "birds" (2)'],
    ['a panorama', 'odd-shape', () => ({ 'cats/x.png': png(5, { width: 400, height: 40 }) }), 'cats/x.png (400x40)'],
    ['a thumbnail', 'small', () => ({ 'cats/x.png': png(5, { width: 12, height: 12 }) }), 'cats/x.png (12x12)'],
    ['a size of its own', 'odd-size', () => ({ 'cats/x.png': png(5, { width: 50 }) }), 'cats/x.png (50x40)'],
    ['a picture of one colour', 'plain', () => ({ 'cats/x.png': plain }), 'cats/x.png'],
    ['grey pictures', 'grey', () => ({ 'cats/x.png': grey(7), 'cats/y.png': grey(9) }), 'cats/x.png\ncats/y.png'],
    [
      'case twins',
      'similar-names',
      () => ({ 'Cats/1.png': png(5_001), 'Cats/2.png': png(5_002) }),
      '"cats" and "Cats"',
    ],
    [
      'a name in NFC and in NFD',
      'unicode-forms',
      () => ({ 'k\u00e4se/1.png': png(5_001), 'ka\u0308se/2.png': png(5_002), 'ka\u0308se/3.png': png(5_003) }),
      'k\u00e4se (2 times)',
    ],
    ['a name with a blank', 'odd-names', () => birds(3, 'big birds'), 'the class "big birds"'],
    ['a name with emoji', 'odd-names', () => ({ 'cats/🐱.png': png(5) }), 'cats/🐱.png'],
    ['a name with a line break', 'odd-names', () => ({ 'cats/a\nb.png': png(5) }), 'cats/a\nb.png'],
  ])('with %s has the finding %s', async (_, kind, files, example) => {
    const findings = await findingsOf(await setOf(await files()));
    const found = findings.find((each) => each.kind === kind);
    expect(found?.examples).toContain(example);
    expect(found?.remedy).toMatch(/^[A-Z].*\.$/s);
  });

  test('with links has the finding links', async () => {
    const place = await setOf({});
    await symlink('/etc/passwd', join(place, 'cats/x.png'));
    await symlink('nowhere', join(place, 'cats/y.png'));
    const found = (await findingsOf(place)).find(({ kind }) => kind === 'links');
    expect(found?.examples).toBe(
      ['x', 'y'].map((name) => `cats/${name}.png is a link that leads out of the folder, or nowhere`).join('\n'),
    );
  });

  test('with a copy of a training picture among the test pictures has the finding leakage', async () => {
    const place = join(folder, 'given');
    const two = { 'train/a/2.png': png(2), 'train/b/3.png': png(3), 'train/b/4.png': png(4) };
    await writeFiles(place, { 'train/a/1.png': png(1), ...two, 'test/a/5.png': png(1), 'test/b/6.png': png(6) });
    const { findings, classes } = await inspectPictures(place, {});
    expect(findings.find(({ kind }) => kind === 'leakage')?.examples[0]).toMatchObject({
      words: 'test/a/5.png and train/a/1.png',
    });
    expect(classes).toMatchObject([
      { name: 'a', train: 1, val: 1, test: 1 },
      { name: 'b', train: 1, val: 1, test: 1 },
    ]);
  });

  test('with a picture that this user may not read has the finding unreadable, until he may', async () => {
    const place = await setOf({ 'cats/x.png': png(5) });
    await chmod(join(place, 'cats/x.png'), 0);
    await asOrdinaryUser(async () => {
      const found = (await findingsOf(place)).find(({ kind }) => kind === 'unreadable');
      expect(found?.examples).toContain('cats/x.png may not be opened by this user');
    });
    await chmod(join(place, 'cats/x.png'), 0o644);
    expect((await findingsOf(place)).map(({ kind }) => kind)).not.toContain('unreadable');
  });

  test('with a named pipe is checked all the same', async () => {
    const place = await setOf({
      'table.csv': [
        'path,label',
        ...Object.keys(pets).map((path) => `${path},${path.slice(0, 4)}`),
        'pipe.png,cats',
      ].join('\n'),
    });
    execFileSync('mkfifo', [join(place, 'pipe.png'), join(place, 'cats/pipe.png')]);
    expect(await findingsOf(place)).toMatchObject([
      { kind: 'left-out', examples: expect.stringMatching(/cats\/pipe.png is no file/) },
    ]);
    const found = (await findingsOf(join(place, 'table.csv'))).find(({ kind }) => kind === 'no-picture');
    expect(found?.examples).toBe('pipe.png is no file');
  });
});

describe('a set that cannot be trained on', () => {
  test.each<readonly [string, FindingKind, Files, string]>([
    [
      'one picture in a class',
      'class-too-small',
      { 'birds/1.png': png(5_001) },
      'The class "birds" of 0 has one picture',
    ],
    [
      'no picture in a class that can be read',
      'class-too-small',
      { 'birds/1.png': '' },
      'has no picture that can be read (birds/1.png is empty)',
    ],
    [
      'only copies in a class',
      'all-equal',
      { 'birds/1.png': png(5_001), 'birds/2.png': png(5_001) },
      'No picture of the class "birds" of 0 is left to be checked by (birds/1.png, birds/2.png)',
    ],
    ['two broken pictures of 44', 'too-many-broken', { 'cats/x.png': '', 'cats/y.png': cut(png(5)) }, '2 of the 44'],
  ])('for %s says so, as does training', async (_, kind, files, message) => {
    const place = await setOf(files);
    const [first] = (await inspectPictures(place, {})).findings;
    expect(first).toMatchObject({ kind, level: 'error' });
    const refused = loadPictures(place);
    await expect(refused).rejects.toBeInstanceOf(UserError);
    await expect(refused).rejects.toThrow(message.replace(' of 0 ', ` of ${sets - 1} `));
  });

  test('since a class is given to other splits alone says so', async () => {
    const place = join(folder, 'untrained');
    const ofA = { 'train/a/1.png': png(1), 'train/a/2.png': png(2), 'val/a/3.png': png(3), 'test/a/4.png': png(4) };
    await writeFiles(place, { ...ofA, 'val/b/5.png': png(5), 'test/b/6.png': png(6) });
    await expect(loadPictures(place)).rejects.toThrow('No picture of the class "b" of untrained is left to be learned');
    expect((await findingsOf(place))[0]?.kind).toBe('class-without-split');
  });

  test('since none of its classes has three pictures says so', async () => {
    const place = join(folder, 'two-of-each');
    await writeFiles(place, { 'a/1.png': png(1), 'a/2.png': png(2), 'b/3.png': png(3), 'b/4.png': png(4) });
    await expect(loadPictures(place)).rejects.toThrow('two-of-each has no picture to test on. A class needs three');
    expect((await findingsOf(place))[0]?.kind).toBe('no-test-pictures');
  });
});

describe('pictures that cannot be read', () => {
  const load = async (broken: number, onBad?: OnBad) => {
    const names = Array.from({ length: broken }, (_, number) => [`cats/x${number}.png`, `${number}`]);
    const place = await setOf({ ...catsAndDogs(60), ...Object.fromEntries(names) });
    const lines: string[] = [];
    const data = await loadPictures(place, { ...(onBad && { onBad }), log: (line) => lines.push(line) });
    return { pictures: data.train.count + data.test.count, told: lines.join('\n') };
  };

  test('are left out and named, one in a hundred', async () => {
    const { pictures, told } = await load(1);
    expect(pictures).toBe(120);
    expect(told).toContain('1 file that is no picture of a known format, such as cats/x0.png is text');
  });

  test('are refused above that, or left out with "skip"', async () => {
    await expect(load(2)).rejects.toThrow(/2 of the 122 pictures of \d+ cannot be read .*"--on-bad skip"/);
    expect((await load(100, 'skip')).pictures).toBe(120);
  });

  test('are refused with "fail", even one', async () => {
    await expect(load(1, 'fail')).rejects.toThrow('1 of the 121 pictures');
    expect((await load(0, 'fail')).pictures).toBe(120);
  });
});
