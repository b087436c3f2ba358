import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BatchClient, DescribeJobsCommand } from '@aws-sdk/client-batch';
import { expect, test } from 'vitest';
import { answers, isUnreachable } from './unreachable.ts';

/** How an SDK client fails against a server. */
async function failure(listener: RequestListener): Promise<unknown> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new BatchClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  try {
    return await client.send(new DescribeJobsCommand({ jobs: ['a'] })).catch((error: unknown) => error);
  } finally {
    client.destroy();
    server.close();
  }
}

test('a broken connection, throttling and a server that is overloaded may pass, a refusal does not', async () => {
  expect(isUnreachable(await failure((request) => request.socket.destroy()))).toBe(true);
  expect(isUnreachable(await failure((_, response) => response.writeHead(503).end('{}')))).toBe(true);
  expect(isUnreachable(await failure((_, response) => response.writeHead(429).end('{}')))).toBe(true);
  const refused = await failure((_, response) => response.writeHead(400).end('{"__type":"ClientException"}'));
  expect(isUnreachable(refused)).toBe(false);
  expect(isUnreachable(new TypeError('an internal error'))).toBe(false);
});

test('nothing answers at a port that nobody listens on', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
  expect(await answers(url)).toBe(false);
  expect(isUnreachable(await fetch(url).catch((error: unknown) => error))).toBe(true);
});
