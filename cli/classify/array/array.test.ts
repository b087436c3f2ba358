import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exampleModel, examplePixels } from '#inference/serving/example-model.fixture.ts';
import { moveAlias } from '#models/aliases.ts';
import type { ListedPicture } from '#models/plans/classify-result.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { s3Client } from '#models/stores/s3-client.ts';
import { publishVersion } from '#models/versions.ts';
import { startBucket } from '#training/datasets/elsewhere/bucket.fixture.ts';
import { outputs } from '../../batch/aws-server.fixture.ts';
import { LoopbackCloud } from '../../stack/loopback-cloud.fixture.ts';
import { classifyArray } from './classify-array.ts';
import { draftPlan } from './draft-plan.ts';
import { checkSizes, listBucket } from './list-pictures.ts';
import { readList } from './read-list.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'array-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const png = (seed: number) => Buffer.from(encode({ width: 32, height: 32, channels: 3, data: examplePixels(seed) }));

async function all(pictures: AsyncIterable<ListedPicture>): Promise<ListedPicture[]> {
  const found: ListedPicture[] = [];
  for await (const picture of pictures) found.push(picture);
  return found;
}

describe('a bucket', () => {
  const place = { bucket: 'photos', key: '2026' };

  it('is listed in the order of its keys; what is no picture by name is counted', async () => {
    const keys = [
      '2026/b.PNG',
      '2026/a.jpg',
      '2026/notes.txt',
      '2026/.a.png',
      '2026/',
      '2026-old/c.png',
      '2026/c/d e.webp',
    ];
    await using bucket = await startBucket('photos', Object.fromEntries(keys.map((key) => [key, `bytes of ${key}`])));
    const passed = { others: 0 };

    const found = await all(listBucket(s3Client(), place, passed));

    expect(found.map(({ file }) => file)).toEqual(
      ['a.jpg', 'b.PNG', 'c/d e.webp'].map((key) => `s3://photos/2026/${key}`),
    );
    expect(found[0]).toEqual({
      file: 's3://photos/2026/a.jpg',
      size: 19,
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    });
    expect(passed.others).toBe(2);
    expect(bucket.requested.every((key) => key === '?')).toBe(true);
  });

  it('may have keys with any characters', async () => {
    const keys = ['2026/a+b c%20&<.png', '2026/two\nlines\u0001.png', '2026/ü.png'];
    await using _bucket = await startBucket('photos', Object.fromEntries(keys.map((key) => [key, 'x'])));
    const found = await all(listBucket(s3Client(), place, { others: 0 }));
    expect(found.map(({ file }) => file)).toEqual(keys.map((key) => `s3://photos/${key}`));
  });

  it.each([
    ['that is empty', [], 's3://photos/2026 has no objects. Check the prefix'],
    ['without pictures', ['2026/notes.txt'], 'has no pictures: none of its 1 objects has a name such as photo.jpg'],
  ])('%s is named', async (_, keys, message) => {
    await using _bucket = await startBucket('photos', Object.fromEntries(keys.map((key) => [key, 'x'])));
    await expect(all(listBucket(s3Client(), place, { others: 0 }))).rejects.toThrow(message);
  });

  it.each([
    [404, 'NoSuchBucket', {}, 's3://photos does not exist'],
    [403, 'AccessDenied', {}, 's3://photos may not be listed (AccessDenied). Your credentials need s3:ListBucket'],
    [
      301,
      'PermanentRedirect',
      { 'x-amz-bucket-region': 'us-west-2' },
      's3://photos is in us-west-2, and this region is eu-west-1',
    ],
    [400, 'AuthorizationHeaderMalformed', { 'x-amz-bucket-region': 'us-west-2' }, 's3://photos is in us-west-2'],
  ])('that answers %d %s is explained', async (status, code, headers, message) => {
    await using bucket = await startBucket('photos', {});
    bucket.faults.push(...Array.from({ length: 3 }, () => ({ status, code, headers })));
    await expect(all(listBucket(s3Client(), place, { others: 0 }))).rejects.toThrow(message);
  });

  it('with a picture that no child can hold is refused', async () => {
    const pictures = (async function* () {
      yield { file: 's3://photos/huge.tif', etag: '"1"', size: 200_000_000 };
    })();
    await expect(all(checkSizes(pictures, 100_000_000))).rejects.toThrow(
      's3://photos/huge.tif has 200.0 MB, and a child holds pictures of at most 100.0 MB',
    );
  });
});

describe('a list', () => {
  const options = { bucket: undefined, takesFiles: false };

  it.each([
    ['keys.txt', 'a.png\n\ns3://photos/gone.png\r\n', 'photos'],
    ['table.csv', 'label,file\ncat,a.png\ndog,"s3://photos/gone.png"\n', 'photos'],
    ['rows.jsonl', '{"file":"s3://photos/a.png"}\n{"url":"s3://photos/gone.png"}\n', undefined],
  ])('may be %s', async (name, content, bucket) => {
    await using _bucket = await startBucket('photos', { 'a.png': png(1) });
    const list = join(folder, name);
    await writeFile(list, content);

    expect(await all(readList(list, { ...options, client: s3Client(), bucket }))).toEqual([
      { file: 's3://photos/a.png', size: png(1).length, etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) },
      { file: 's3://photos/gone.png', size: 0 },
    ]);
  });

  it('may be in a bucket, and say entity tags itself, which spares requests', async () => {
    const row = JSON.stringify({ file: 's3://photos/a.png', etag: '"1"', size: 3 });
    await using bucket = await startBucket('photos', { 'rows.jsonl': `${row}\n` });

    const found = await all(readList('s3://photos/rows.jsonl', { ...options, client: s3Client() }));

    expect(found).toEqual([{ file: 's3://photos/a.png', etag: '"1"', size: 3 }]);
    expect(bucket.requested).toEqual(['rows.jsonl']);
  });

  it('may begin with a byte order mark, and leave sizes empty', async () => {
    await using bucket = await startBucket('photos', { 'a.png': png(1) });
    const lists = {
      'keys.txt': '\uFEFFs3://photos/a.png\n',
      'table.csv': '\uFEFFfile,etag,size\ns3://photos/a.png,tag,\n',
      'rows.jsonl': '{"file":"s3://photos/a.png","etag":"tag","size":null}\n',
    };
    for (const [name, content] of Object.entries(lists)) {
      await writeFile(join(folder, name), content);
      expect(await all(readList(join(folder, name), { ...options, client: s3Client() })), name).toEqual([
        { file: 's3://photos/a.png', size: png(1).length, etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) },
      ]);
    }
    expect(bucket.requested).toEqual(['a.png', 'a.png', 'a.png']);
  });

  it.each([
    [
      'etags.jsonl',
      '{"file":"s3://p/a.png","etag":"1","size":1}\n{"file":"s3://p/b.png","etag":"1\\r\\nhost: b","size":1}\n',
      'etags.jsonl, line 2: its etag is "1\\r\\nhost: b", and an entity tag has printable ASCII characters only.',
    ],
    ['keys.txt', 'a.png\n', 'keys.txt, line 1: a.png is no address such as s3://my-bucket/photo.jpg'],
    ['table.csv', 'label\ncat\n', 'table.csv, line 1: no column is called file, url, key'],
    ['rows.jsonl', '{"label":"cat"}\n', 'rows.jsonl, line 1: it names no picture'],
    ['empty.txt', '\n', 'names no pictures'],
  ])('%s of another kind is refused, by its line', async (name, content, message) => {
    const list = join(folder, name);
    await writeFile(list, content);
    await expect(all(readList(list, { ...options, client: s3Client() }))).rejects.toThrow(message);
  });
});

it('divides pictures by number and by bytes; the same ones are the same plan', async () => {
  const options = { pictures: 's3://photos', version: '20261128-1445-e6b219c2', format: 'csv', strict: false } as const;
  const draft = (size: number, etag = 'tag') =>
    draftPlan(
      (async function* () {
        for (let index = 0; index < 9000; index++) yield { file: `s3://photos/${index}.png`, etag, size };
      })(),
      options,
    );
  const drafts = [await draft(3000), await draft(3000), await draft(1e6), await draft(3000, 'changed')];
  await Promise.all(drafts.map(({ remove }) => remove()));
  const [small, again, photos, changed] = drafts;

  expect(small!.plan.items.map(({ objects }) => objects)).toEqual([4000, 4000, 1000]);
  expect(again!.plan).toEqual(small!.plan);
  expect(Math.max(...photos!.plan.items.map(({ bytes }) => bytes))).toBeLessThanOrEqual(512 * 2 ** 20);
  expect(photos!.plan.items.reduce((sum, { objects }) => sum + objects, 0)).toBe(9000);
  expect(changed!.id).not.toBe(small!.id);
});

it('keeps the id of a shard, whatever is before it; the same shard twice is refused', async () => {
  const options = { pictures: 'list', version: '20261128-1445-e6b219c2', format: 'csv', strict: false } as const;
  const large = (name: string) => ({ file: `s3://photos/${name}.png`, etag: name, size: 400 * 2 ** 20 });
  const draft = async (...names: string[]) => {
    const { plan, remove } = await draftPlan(
      (async function* () {
        yield* names.map(large);
      })(),
      options,
    );
    await remove();
    return plan.items;
  };

  const [first, second] = await draft('a', 'b');

  expect((await draft('new', 'a', 'b')).slice(1)).toEqual([first, second]);
  expect(first!.list.key).toBe(`lists/${first!.list.sha256}.jsonl`);
  await expect(draft('a', 'b', 'a')).rejects.toThrow('The pictures of shard 3 were listed before');
});

it.each(['SIGINT', 'SIGTERM'] as const)(
  'leaves no folder where %s ends the listing',
  async (signal) => {
    const endless = `
    import { draftPlan } from ${JSON.stringify(new URL('draft-plan.ts', import.meta.url))};
    async function* pictures() {
      for (let index = 0; ; index++) {
        yield { file: \`\${index}.png\`, etag: 'tag', size: 2 ** 29 };
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    await draftPlan(pictures(), {}, (objects) => objects === 3 && console.log('listing'));`;
    const child = spawn(
      process.execPath,
      ['--import', './setup/typescript.mjs', '--input-type=module', '-e', endless],
      {
        env: { ...process.env, TMPDIR: folder },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const ended = once(child, 'exit');
    const lists = async () => (await readdir(folder)).filter((name) => name.startsWith('cifar10-lists-'));
    await Promise.race([once(child.stdout, 'data'), ended]);
    expect(await lists()).toHaveLength(1);

    child.kill(signal);

    expect(await ended).toEqual([null, signal]);
    expect(await lists()).toEqual([]);
  },
  60_000,
);

describe('classify --array', () => {
  async function givenStore() {
    const store = folderStore(join(folder, 'store'));
    const to = await publishVersion(store, await exampleModel());
    await moveAlias(store, 'production', { to, by: 'a test', expected: undefined });
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const said: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
    return { store, url: join(folder, 'store'), said };
  }

  it('writes the table of a bucket by processes of this machine, once', async () => {
    const { store, url, said } = await givenStore();
    await using bucket = await startBucket('photos', { 'p/a.png': png(1), 'p/b.png': 'no picture', 'p/c.txt': 'text' });
    const out = join(folder, 'answers.csv');

    expect(await classifyArray(['s3://photos/p'], { store: url, out, yes: true })).toBe(1);

    const rows = (await readFile(out, 'utf8')).trimEnd().split('\n');
    expect(rows).toHaveLength(3);
    expect(rows[1]).toMatch(/^s3:\/\/photos\/p\/a.png,\w+/);
    expect(rows[2]).toContain('This is text. Send PNG, JPEG, WebP');
    expect(said.join('')).toMatch(
      /2 pictures .* in 1 shard.*1 other object is no pictures by name.*2 rows; 1 could not be classified/s,
    );

    const before = bucket.requested.length;
    said.length = 0;
    await expect(classifyArray(['s3://photos/p'], { store: url, out, yes: true })).rejects.toThrow('is there already');
    expect(await classifyArray(['s3://photos/p'], { store: url, format: 'csv', yes: true })).toBe(1);
    expect(said.join('')).toContain('All of it was there: nothing was submitted.');
    expect(bucket.requested.slice(before)).toEqual(['?']);
    const plans: string[] = [];
    for await (const { key } of store.list('plans/')) if (key.endsWith('plan.json')) plans.push(key);
    expect(plans).toHaveLength(1);
  }, 60_000);

  it.each([
    [[], {}, 'Nothing says which pictures'],
    [['s3://pics/b', 's3://c/d'], {}, 'takes one place, and 2 are given'],
    [['s3://pics/b'], { list: 'keys.txt' }, 'A --list has whole keys: give s3://pics without b'],
    [['photos'], {}, 'photos is on this machine, where no job sees it'],
    [
      ['s3://pics/b'],
      { out: 'answers.txt' },
      '--out is answers.txt, whose format is not known. Name it .csv or .jsonl',
    ],
    [['s3://pics/b'], { out: 'answers' }, '--out is answers, whose format is not known. Name it .csv or .jsonl'],
    [['s3://pics/b'], { json: true, format: 'csv' }, '--json is jsonl, and --format is csv'],
    [['s3://pics/b'], { format: 'text' }, 'The format is text, and an array writes jsonl or csv'],
    [['s3://pics/b'], { store: 'x', target: 'local' }, 'Give one of them'],
  ] as const)('refuses %j with %j', async (paths, options, message) => {
    await expect(classifyArray(paths, options)).rejects.toThrow(message);
  });

  it('refuses what the jobs of a stack may not read, and a stack that is not there, before anything is read', async () => {
    await using cloud = new LoopbackCloud();
    await cloud.open();
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const refused = (path: string) => expect(classifyArray([path], { target: 'aws', yes: true })).rejects;

    await refused('s3://photos/2026').toThrow(
      'The stack Cifar10 is not deployed. Deploy it with "./cifar10 deploy --target aws"',
    );
    const statuses = ['CREATE_COMPLETE'];
    const deployed = { ...outputs, BucketName: 'models', ClassifyJobDefinitionName: 'classify' };
    cloud.stack = { statuses, outputs: { ...deployed, PictureBuckets: 'scans' } };
    await refused('s3://photos/2026').toThrow(
      'The stack\'s jobs may not read s3://photos. Let them: "./cifar10 deploy --pictures scans photos --target aws".',
    );
    await refused('s3://models/2026').toThrow('Jobs read pictures below s3://models/pictures/ only');
    cloud.stack = { statuses, outputs: { BucketName: 'models' } };
    await refused('s3://models/pictures').toThrow(
      'an earlier release deployed it. Update it with "./cifar10 deploy --target aws"',
    );
    expect(new Set(cloud.asked)).toEqual(new Set(['GetCallerIdentity', 'DescribeStacks']));
  });

  it('refuses more classes than there are, and an unknown version', async () => {
    const { url } = await givenStore();
    await expect(classifyArray(['s3://pics/b'], { store: url, topK: 99 })).rejects.toThrow('--top-k is 99');
    await expect(classifyArray(['s3://pics/b'], { store: url, version: '20250101-0000-00000000' })).rejects.toThrow(
      'has no such version',
    );
  });
});
