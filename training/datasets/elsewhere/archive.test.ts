import { execFileSync, spawnSync } from 'node:child_process';
import { access, mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { cacheRoot } from '#setup/cache.mjs';
import { openDataset } from '../open-dataset.ts';
import { listPictures } from '../pictures/list-pictures.ts';
import { catsAndDogs, png, temporaryFolder, writeFiles } from '../pictures/pictures.fixture.ts';
import { tarOf } from '../published/tar.fixture.ts';
import { zipOf } from './archive.fixture.ts';
import { openArchive } from './archive.ts';
import { archiveLimits, Unpacking } from './unpacking.ts';
import { unpackZip } from './zip-archive.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

const at = (name: string) => join(folder, name);
const write = async (name: string, bytes: Uint8Array) => {
  await writeFile(at(name), bytes);
  return at(name);
};
/** What the cache has of archives, but for locks that were let go. */
const kept = async () => (await readdir(cacheRoot()).catch(() => [])).filter((name) => name.startsWith('archive-'));

const python = (script: string, ...args: string[]) => execFileSync('python3', ['-c', script, ...args]);
const pythonZip = `
import sys, zipfile, pathlib
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
    for p in sorted(pathlib.Path(sys.argv[2]).rglob('*')): z.write(p, p.relative_to(sys.argv[2]))`;
const pythonTar = `
import sys, tarfile
with tarfile.open(sys.argv[1], 'w:gz', format=tarfile.PAX_FORMAT) as t: t.add(sys.argv[2], 'pets')`;

/** Not every machine has it; Python's writes zips everywhere. */
const hasZip = spawnSync('zip', ['-v']).status === 0;
const zipRows: readonly (readonly [string, (archive: string, source: string) => unknown])[] = [
  ['zip', (archive, source) => execFileSync('zip', ['-qr', archive, '.'], { cwd: source })],
  [
    'zip, with its folder',
    (archive, source) => execFileSync('zip', ['-qr', archive, 'pets'], { cwd: join(source, '..') }),
  ],
];

describe('an archive that another program made is the data set of its folder', () => {
  const deep = `${'long/'.repeat(30)}x.png`;
  const files = {
    ...catsAndDogs(6),
    [deep]: png(70),
    'Käse & 🐱/ü (1).png': png(71),
    'Käse & 🐱/2.png': png(72),
  };

  test.each<readonly [string, (archive: string, source: string) => unknown]>([
    ...(hasZip ? zipRows : []),
    ['Python’s zipfile', (archive, source) => python(pythonZip, archive, source)],
    ['tar', (archive, source) => execFileSync('tar', ['-cf', archive, '-C', source, '.'])],
    ['tar and gzip', (archive, source) => execFileSync('tar', ['-czf', archive, '-C', join(source, '..'), 'pets'])],
    [
      'tar, in the POSIX format',
      (archive, source) => execFileSync('tar', ['-czf', archive, '--format=posix', '-C', source, '.']),
    ],
    ['Python’s tarfile', (archive, source) => python(pythonTar, archive, source)],
  ])('%s', async (program, make) => {
    await writeFiles(at('pets'), { ...files, 'long/y.png': png(73) });
    await writeFiles(at('source/pets'), { ...files, 'long/y.png': png(73) });
    const archive = at(program.startsWith('zip') || program.includes('zipfile') ? 'pets.zip' : 'pets.tar.gz');
    make(archive, at('source/pets'));
    expect(await openDataset(archive)).toEqual(await openDataset(at('pets')));
  });
});

test('a table in an archive is the table', async () => {
  const rows = Object.keys(catsAndDogs(3)).map((path) => `${path},${path.split('/')[0]}`);
  const archive = await write(
    'set.zip',
    zipOf({ ...catsAndDogs(4), 'labels.csv': ['path,label', ...rows].join('\n'), '__MACOSX/._labels.csv': 'x' }),
  );
  expect(await listPictures(archive)).toMatchObject({
    title: 'set',
    classes: ['cats', 'dogs'],
    pictures: { length: 6 },
  });
});

test('it is unpacked once, again when it changes, and pictures that stay are not opened again', async () => {
  const archive = await write('pets.zip', zipOf(catsAndDogs(5)));
  const first = await listPictures(archive);
  const before = (await readdir(first.root)).length;
  await writeFile(join(first.root, 'mark'), '');
  expect((await listPictures(archive)).leftOut.map(({ path }) => path)).toEqual(['mark']);
  const { sha256 } = await openDataset(archive);
  await write('pets.zip', zipOf({ ...catsAndDogs(5), 'cats/new.png': png(99) }));
  const second = await listPictures(archive);
  expect([second.root, (await readdir(second.root)).length]).toEqual([first.root, before]);
  const lines: string[] = [];
  const data = await openDataset(archive, { progress: (line) => lines.push(line) });
  expect(lines.filter((line) => line.startsWith('opening'))).toEqual([expect.stringContaining('1 of 1')]);
  expect(data.sha256).not.toEqual(sha256);
});

describe('an archive that leads out, or is none, is refused, and nothing is kept', () => {
  const two = catsAndDogs(2);
  const link = (body: string) => ({ body, mode: 0o120777 });
  const bomb = zipOf({ 'a/1.png': Buffer.alloc(40_000_000), 'b/2.png': png(2) });
  const tarred = (...entries: Parameters<typeof tarOf>[0]) =>
    tarOf([{ name: 'a/1.png', body: Buffer.from(png(1)) }, ...entries]);
  const linkInTar = (name: string, target: string, kind: string) => {
    const header = tarOf([{ name, body: Buffer.alloc(0), kind }]).subarray(0, 512);
    header.write(target, 157);
    header.write('        ', 148);
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    return Buffer.concat([header, tarOf([{ name: 'b/2.png', body: Buffer.from(png(2)) }])]);
  };

  test.each<readonly [string, string, Uint8Array, string]>([
    [
      'a path with ..',
      'x.zip',
      zipOf({ ...two, '../escaped.png': png(1) }),
      'has the entry ../escaped.png which leads out',
    ],
    ['.. on the way', 'x.zip', zipOf({ ...two, 'a/../../escaped.png': png(1) }), 'which leads out of it'],
    ['.. with backslashes', 'x.zip', zipOf({ ...two, 'a\\..\\..\\escaped.png': png(1) }), 'which leads out of it'],
    ['an absolute path', 'x.zip', zipOf({ ...two, '/tmp/escaped.png': png(1) }), 'which leads out of it'],
    ['a path of Windows', 'x.zip', zipOf({ ...two, 'C:\\escaped.png': png(1) }), 'which leads out of it'],
    [
      'a link that leads out',
      'x.zip',
      zipOf({ ...two, 'a.png': link('../../etc/passwd') }),
      'a link to ../../etc/passwd, which',
    ],
    [
      'an absolute link',
      'x.zip',
      zipOf({ ...two, 'a.png': link('/etc/passwd') }),
      'a link to /etc/passwd, which leads out',
    ],
    [
      '.. in a tar',
      'x.tar',
      tarred({ name: '../escaped.png', body: Buffer.from('x') }),
      'has the entry ../escaped.png which',
    ],
    [
      'an absolute path in a tar',
      'x.tar.gz',
      gzipSync(tarred({ name: '/tmp/x', body: Buffer.from('x') })),
      'which leads out',
    ],
    ['a link that leads out of a tar', 'x.tar', linkInTar('a/l', '../../etc/passwd', '2'), 'which leads out of it'],
    ['a hard link that leads out', 'x.tar', linkInTar('a/l', '/etc/passwd', '1'), 'which leads out of it'],
    ['a link to nothing', 'x.tar', linkInTar('a/l', 'a/nothing', '1'), 'a link to nothing'],
    ['a device', 'x.tar', tarred({ name: 'dev', body: Buffer.alloc(0), kind: '3' }), 'is neither a file nor a folder'],
    ['a password', 'x.zip', zipOf({ 'a/1.png': { body: png(1), flags: 1 } }), 'is encrypted (a/1.png)'],
    ['another compression', 'x.zip', zipOf({ 'a/1.png': { body: png(1), method: 12 } }), 'not read here (method 12)'],
    ['a wrong checksum', 'x.zip', zipOf({ 'a/1.png': { body: png(1), crc: 1 } }), 'a/1.png does not have its checksum'],
    ['a cut zip', 'x.zip', zipOf(two).subarray(0, -30), 'x.zip is damaged'],
    ['a cut gzip', 'x.tgz', gzipSync(tarred()).subarray(0, -20), 'x.tgz is damaged'],
    ['a cut tar', 'x.tar', tarred().subarray(0, 700), 'x.tar is damaged'],
    ['text', 'x.tar', Buffer.alloc(2_000, 'text'), 'x.tar is damaged'],
    ['nothing', 'x.zip', Buffer.alloc(0), 'x.zip is damaged'],
    ['7z', 'x.zip', Buffer.from('7z\xbc\xaf\x27\x1c', 'latin1'), 'x.zip is 7z. Unpack it yourself'],
    ['a file that is a folder, too', 'x.zip', zipOf({ a: 'x', 'a/1.png': png(1) }), 'has the entry a/1.png twice'],
    ['pictures in no folder', 'x.zip', zipOf({ '1.png': png(1), '2.png': png(2) }), 'x.zip has no pictures in folders'],
    ['one class', 'x.zip', zipOf({ 'cats/1.png': png(1), 'cats/2.png': png(2) }), 'x.zip has one class, "cats"'],
    ['two tables', 'x.zip', zipOf({ 'a.csv': '', 'b.jsonl': '' }), 'x.zip has several tables: a.csv, b.jsonl'],
    [
      'a table with an unknown column',
      'x.zip',
      zipOf({ 'a.csv': 'path,label,color\n' }),
      'a.csv, line 1: the column "color"',
    ],
  ])('%s', async (_, name, bytes, message) => {
    const archive = await write(name, bytes);
    const refusal = await listPictures(archive).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(UserError);
    expect((refusal as Error).message).toContain(message);
    expect((refusal as Error).message).toContain(archive);
    expect((await kept()).filter((each) => !/^archive-[0-9a-f]{16}$/.test(each))).toEqual([]);
    await expect(access(at('escaped.png'))).rejects.toThrow();
    await expect(access('/tmp/escaped.png')).rejects.toThrow();
  });

  test.each<readonly [string, string, Uint8Array, object, string]>([
    ['by its ratio', 'x.zip', bomb, { ratioFrom: 1_000_000 }, 'MB so far), as a zip bomb'],
    [
      'by its ratio, as gzip',
      'x.tgz',
      gzipSync(tarOf([{ name: 'a/1', body: Buffer.alloc(9_000_000) }])),
      { ratioFrom: 1_000_000 },
      'as a zip bomb',
    ],
    ['by its size', 'x.zip', bomb, { bytes: 5_000_000 }, 'unpacks to more than 5 MB'],
    ['by its count', 'x.zip', zipOf(two), { entries: 3 }, 'has more than 3 entries'],
  ])('a bomb, %s', async (_, name, bytes, limits, message) => {
    const archive = await write(name, bytes);
    await expect(openArchive(archive, { limits: { ...archiveLimits, ...limits } })).rejects.toThrow(message);
    expect(await kept()).toEqual([]);
  });

  test('a bomb that says it is small', async () => {
    const lie = Buffer.from(bomb);
    lie.writeUInt32LE(100, lie.indexOf('PK\x01\x02') + 24);
    await expect(listPictures(await write('x.zip', lie))).rejects.toThrow('x.zip is damaged');
    expect(await kept()).toEqual([]);
  });

  test('one that is not there', async () => {
    await expect(listPictures(at('none.zip'))).rejects.toThrow('none.zip does not exist');
  });

  test('a chain of links that leads out', async () => {
    // Each target is inside by its name; together they leave.
    const archive = at('x.tar');
    await mkdir(at('s/a/b'), { recursive: true });
    await symlink('a/b', at('s/x'));
    await symlink('x/../../..', at('s/y'));
    execFileSync('tar', ['-cf', archive, '-C', at('s'), '.']);
    await expect(openArchive(archive)).rejects.toThrow('which leads out of it');
    expect(await kept()).toEqual([]);
  });
});

test('links in an archive are followed where they stay in it', async () => {
  await writeFiles(at('s'), catsAndDogs(2));
  await symlink('../cats/0.png', at('s/dogs/link.png'));
  execFileSync('ln', [at('s/cats/1.png'), at('s/dogs/hard.png')]);
  execFileSync('tar', ['-cf', at('x.tar'), '-C', at('s'), '.']);
  const { 'cats/1.png': copied, ...others } = catsAndDogs(2);
  const link = { body: '../cats/0.png', mode: 0o120777 };
  await write('y.zip', zipOf({ ...others, 'cats/1.png': copied!, 'dogs/hard.png': copied!, 'dogs/link.png': link }));
  for (const name of ['x.tar', 'y.zip']) {
    const { pictures } = await listPictures(at(name));
    expect(pictures.map(({ path }) => path)).toEqual([
      'cats/0.png',
      'cats/1.png',
      'dogs/0.png',
      'dogs/1.png',
      'dogs/hard.png',
      'dogs/link.png',
    ]);
  }
});

test('a signal ends the unpacking, and nothing is kept', async () => {
  for (const [name, bytes] of [
    ['x.zip', zipOf(catsAndDogs(5))],
    ['x.tar', tarOf([{ name: 'a/1', body: Buffer.alloc(9_000_000) }])],
  ] as const) {
    const archive = await write(name, bytes);
    await expect(openArchive(archive, { signal: AbortSignal.abort('SIGINT') })).rejects.toBeDefined();
    expect(await kept()).toEqual([]);
  }
});

test.runIf(process.platform === 'linux')('a full disk is named, and nothing is kept', async () => {
  // The limit of the size of a file replaces a small disk: both are errors of the same kind.
  const archive = await write('x.zip', zipOf({ 'a/1.png': Buffer.alloc(3_000_000, 'x'), 'b/2.png': png(2) }));
  const limit = (soft: string) => execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${soft}:`]);
  limit('1000000');
  try {
    await expect(openArchive(archive)).rejects.toThrow(/a\/1\.png would be larger than a file may be\./);
  } finally {
    limit('unlimited');
  }
  expect(await kept()).toEqual([]);
});

test('a damaged file in a zip is noticed even if it is found before anybody reads it', async () => {
  class Slow extends Unpacking {
    override async file(...[name, chunks]: Parameters<Unpacking['file']>): Promise<number> {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return super.file(name, chunks);
    }
  }
  const bytes = zipOf({ 'a.txt': 'one'.repeat(100) });
  bytes.fill(0xff, 36, 44); // The compressed bytes.
  const archive = await write('a.zip', bytes);
  await mkdir(at('out'));
  const options = { archive, packedBytes: bytes.length, folder: at('out'), limits: archiveLimits, onFile: () => {} };
  await expect(unpackZip(archive, archive, new Slow(options), undefined)).rejects.toThrow('a.zip is damaged');
});

test('whatever happens to the bytes of an archive, it is read as it was or refused with an error for the user', async () => {
  const files = { 'a/1.txt': 'one', 'b/2.txt': 'two'.repeat(300), 'b/c/3.txt': '' };
  const forms = {
    zip: zipOf(files),
    tar: tarOf(Object.entries(files).map(([name, body]) => ({ name, body: Buffer.from(body) }))),
  };
  const form = fc.constantFrom('zip' as const, 'tar' as const);
  const changes = fc.array(fc.tuple(fc.nat(3_000), fc.nat(255)), { maxLength: 4 });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(form, changes, fc.option(fc.nat(3_000)), async (kind, changed, cut) => {
      const bytes = Buffer.from(forms[kind]);
      for (const [position, value] of changed) bytes[position % bytes.length] = value;
      const archive = await write(`${run++}.${kind}`, bytes);
      if (cut !== null) await truncate(archive, cut);
      try {
        const root = await openArchive(archive);
        const isSame = bytes.equals(forms[kind]) && (cut === null || cut >= bytes.length);
        if (isSame) expect(await readFile(join(root, 'b/2.txt'), 'utf8')).toBe(files['b/2.txt']);
      } catch (error) {
        expect(error, String(error)).toBeInstanceOf(UserError);
      }
    }),
    { numRuns: 80 },
  );
  // Nothing was written beside the cache and the archives.
  expect((await readdir(folder)).filter((name) => !/^(cache|\d+\.(zip|tar))$/.test(name))).toEqual([]);
});
