import { randomUUID } from 'node:crypto';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateBucketCommand, DeleteBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { describeModelStore } from '../model-store.contract.ts';
import { type DisposableStore, describeObjectStore } from './object-store.contract.ts';
import { WriteConflict } from './object-store.ts';
import { openObjectStore } from './open.ts';

/** All by the standard AWS environment, as in the job and in the Lambda. */
async function openBucket(): Promise<DisposableStore & { readonly bucket: string }> {
  const client = new S3Client();
  const bucket = `store-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const store = await openObjectStore(`s3://${bucket}`);
  return {
    store,
    bucket,
    dispose: async () => {
      for await (const { key } of store.list('')) await store.delete(key);
      await client.send(new DeleteBucketCommand({ Bucket: bucket }));
    },
  };
}

beforeAll(() => {
  const endpoint = new URL(process.env.AWS_ENDPOINT_URL ?? 'https://aws');
  if (endpoint.hostname !== '127.0.0.1') throw new Error(`These tests are for this machine only, not for ${endpoint}`);
});

describeObjectStore('a bucket', openBucket);
describeModelStore('a bucket', openBucket);

describe('a bucket', () => {
  let opened: Awaited<ReturnType<typeof openBucket>>;
  beforeAll(async () => {
    opened = await openBucket();
  });
  afterAll(() => opened.dispose());

  it('lists beyond the thousand objects of a page', async () => {
    const keys = Array.from({ length: 1005 }, (_, index) => `many/${String(index).padStart(4, '0')}`);
    for (let at = 0; at < keys.length; at += 50) {
      await Promise.all(keys.slice(at, at + 50).map((key) => opened.store.put(key, new Uint8Array())));
    }
    const found = [];
    for await (const { key } of opened.store.list('many/')) found.push(key);
    expect(found).toEqual(keys);
  });

  it('that is not there is said so, for each operation', async () => {
    const store = await openObjectStore('s3://no-such-bucket-here');
    const list = async () => {
      for await (const _ of store.list('')) return;
    };
    for (const attempt of [
      () => store.get('a'),
      () => store.put('a', new Uint8Array()),
      () => store.put('a', new Uint8Array(), { only: 'absent' }),
      () => store.put('a', new Uint8Array(), { only: { ifMatch: '"0"' } }),
      () => store.delete('a'),
      list,
    ]) {
      const error: unknown = await attempt().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UserError);
      expect(String(error)).toContain('s3://no-such-bucket-here does not exist');
    }
  });

  describe('behind a line that loses the first answer to each write', () => {
    let line: Server;
    beforeAll(async () => {
      line = await forgetfulLine(process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL ?? '');
    });
    afterAll(() => {
      line.closeAllConnections();
      line.close();
    });
    const overTheLine = () =>
      openObjectStore(`s3://${opened.bucket}`, {
        endpoint: `http://127.0.0.1:${(line.address() as AddressInfo).port}`,
        forcePathStyle: true,
      });

    it('a writer knows its own object again, and is not told that somebody else was there', async () => {
      const store = await overTheLine();
      const etag = await store.put('lost/a', Uint8Array.of(1), { only: 'absent' });
      expect((await opened.store.get('lost/a'))?.etag).toBe(etag);
      const next = await store.put('lost/a', Uint8Array.of(2), { only: { ifMatch: etag } });
      expect((await opened.store.get('lost/a'))?.etag).toBe(next);
    });

    it('the object of another is still a conflict, even with the same bytes', async () => {
      await opened.store.put('lost/b', Uint8Array.of(1));
      const store = await overTheLine();
      await expect(store.put('lost/b', Uint8Array.of(1), { only: 'absent' })).rejects.toThrow(WriteConflict);
    });
  });
});

/** Passes requests on; the first answer to the writing of each object with each condition gets lost on its way back. */
async function forgetfulLine(endpoint: string): Promise<Server> {
  const seen = new Set<string>();
  const server = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const write = `${path} ${headers['if-match']} ${headers['if-none-match']}`;
    const isLost = method === 'PUT' && !seen.has(write);
    seen.add(write);
    const onward = request(new URL(path ?? '', endpoint), { method, headers }, (answer) => {
      if (isLost) {
        answer.resume().on('end', () => incoming.socket.destroy());
      } else {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      }
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
