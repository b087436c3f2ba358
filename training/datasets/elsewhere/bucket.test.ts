import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UsageError, UserError } from '#errors/user-error.ts';
import { checkDataset, openDataset } from '../open-dataset.ts';
import { listPictures } from '../pictures/list-pictures.ts';
import { loadPictures } from '../pictures/load-pictures.ts';
import { catsAndDogs, png, temporaryFolder, writeFiles } from '../pictures/pictures.fixture.ts';
import { zipOf } from './archive.fixture.ts';
import { startBucket } from './bucket.fixture.ts';
import { bringObjects, bucketPlace } from './bucket.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

const under = (prefix: string, files: Readonly<Record<string, Uint8Array | string>>) =>
  Object.fromEntries(Object.entries(files).map(([path, body]) => [`${prefix}/${path}`, body]));

describe('a data set in a bucket', () => {
  test('is that of a folder with the same files, whatever their names', async () => {
    const files = { ...catsAndDogs(10), 'hot dogs & more/ü (1).png': png(7_000), 'hot dogs & more/🐱.png': png(7_001) };
    await writeFiles(join(folder, 'pets'), files);
    await using bucket = await startBucket('my-bucket', {
      ...under('data/pets', files),
      'data/pets/': '',
      'data/pets-old/cats/1.png': png(9_000),
    });
    const here = await openDataset(join(folder, 'pets'));
    const there = await openDataset('s3://my-bucket/data/pets/');
    expect(there).toEqual(here);
    expect(there.title).toBe('pets');
    expect(bucket.requested.filter((key) => key === '?').length).toBeGreaterThan(3);
  });

  test('is fetched again only where it changed, and forgets what is gone', async () => {
    await using bucket = await startBucket('my-bucket', under('p', catsAndDogs(5)));
    const first = await loadPictures('s3://my-bucket/p');
    bucket.requested.length = 0;
    expect((await loadPictures('s3://my-bucket/p')).sha256).toEqual(first.sha256);
    expect(bucket.requested.filter((key) => key !== '?')).toEqual([]);
    bucket.objects.set('p/cats/0.png', png(77));
    bucket.objects.delete('p/dogs/1.png');
    const after = await loadPictures('s3://my-bucket/p');
    expect(bucket.requested.filter((key) => key !== '?')).toEqual(['p/cats/0.png']);
    expect(after.train.count + after.test.count).toBe(9);
  });

  test('may be a table: only the pictures that it names are fetched', async () => {
    const rows = Object.keys(catsAndDogs(4)).map((path) => `${path},${path.split('/')[0]}`);
    await using bucket = await startBucket('my-bucket', {
      ...under('p', catsAndDogs(5)),
      'p/labels.csv': ['path,label', ...rows].join('\n'),
    });
    const { title, pictures } = await listPictures('s3://my-bucket/p/labels.csv');
    expect([title, pictures.length]).toEqual(['labels', 8]);
    expect(bucket.requested).not.toContain('p/cats/4.png');
    expect((await listPictures('s3://my-bucket/p')).pictures.length).toBe(8);
  });

  test.each(['s3://my-bucket/sets/pets.zip', 's3://my-bucket/sets'])('may be an archive: %s', async (place) => {
    await using _bucket = await startBucket('my-bucket', { 'sets/pets.zip': zipOf(under('pets', catsAndDogs(3))) });
    expect(await listPictures(place)).toMatchObject({ title: 'pets', classes: ['cats', 'dogs'] });
  });

  test('is fetched in spite of answers that break off or fail for a while', async () => {
    await using bucket = await startBucket('my-bucket', under('p', catsAndDogs(2)));
    const wait = bringObjects(bucketPlace('s3://my-bucket/p'), {
      progress: (line) => {
        if (line.startsWith('listing')) bucket.faults.push('break', { status: 503, code: 'SlowDown' }, 'break');
      },
    });
    const found = await readFile(join(await wait, 'cats/1.png'));
    expect(Buffer.compare(found, Buffer.from(png(1)))).toBe(0);
    expect(bucket.faults).toEqual([]);
  });

  test('resumes where a signal stopped it', async () => {
    await using bucket = await startBucket('my-bucket', under('p', catsAndDogs(30)));
    const controller = new AbortController();
    const progress = (line: string) => void (line.startsWith('fetching') && controller.abort('SIGINT'));
    await expect(listPictures('s3://my-bucket/p', { progress, signal: controller.signal })).rejects.toBe('SIGINT');
    const before = bucket.requested.filter((key) => key !== '?').length;
    expect(before).toBeLessThan(60);
    await listPictures('s3://my-bucket/p');
    expect(bucket.requested.filter((key) => key !== '?').length).toBeLessThan(60 + before);
  });
});

describe('an address that has no data set', () => {
  test.each([
    ['s3://other-bucket/p', 's3://other-bucket does not exist'],
    ['s3://my-bucket/nowhere', 's3://my-bucket/nowhere has no objects. Check the prefix'],
    ['s3://my-bucket/nowhere.zip', 's3://my-bucket/nowhere.zip has no objects'],
    ['s3://my-bucket/one', 's3://my-bucket/one has one class, "cats"'],
    ['s3://my-bucket/out', 's3://my-bucket/out/../../etc/x.png has a name that no file can have'],
    ['s3://my-bucket/plain', 's3://my-bucket/plain has no pictures in folders'],
  ])('%s is refused, with the remedy', async (place, message) => {
    await using _bucket = await startBucket('my-bucket', {
      'one/cats/1.png': png(1),
      'out/../../etc/x.png': '',
      'plain/1.png': png(1),
    });
    await expect(listPictures(place)).rejects.toThrow(message);
    await expect(listPictures(place)).rejects.toBeInstanceOf(UserError);
  });

  test('where the rights are missing, for the list or for an object', async () => {
    await using bucket = await startBucket('my-bucket', under('p', catsAndDogs(2)));
    const denied = { status: 403, code: 'AccessDenied' };
    bucket.faults.push(denied);
    const message = 's3://my-bucket refuses the request (AccessDenied). Check the credentials and their rights.';
    await expect(listPictures('s3://my-bucket/p')).rejects.toThrow(message);
    const progress = (line: string) => void (line.startsWith('listing') && bucket.faults.push(denied));
    await expect(listPictures('s3://my-bucket/p', { progress })).rejects.toThrow(message);
  });

  test.each(['s3://', 's3://A/b', 's3:///x'])('%s is refused before anything is asked', (place) => {
    expect(() => checkDataset(place)).toThrow(UsageError);
  });
});
