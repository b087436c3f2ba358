import http, { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { startProxy } from './proxy.fixture.ts';
import { exceptThisMachine, proxyAgents, proxyFetch, proxyFor } from './proxy.mjs';

const through = (address: string, environment: NodeJS.ProcessEnv) => proxyFor(new URL(address), environment)?.url.href;

const https = { HTTPS_PROXY: 'http://proxy.test:3128' };

test.each([
  [
    'https://aws.test',
    { https_proxy: 'http://first.test:1', HTTPS_PROXY: 'http://other.test:2' },
    'http://first.test:1/',
  ],
  ['https://aws.test', { HTTPS_PROXY: ' proxy.test:3128 ' }, 'http://proxy.test:3128/'],
  ['https://aws.test', { https_proxy: '', ALL_PROXY: 'https://proxy.test' }, 'https://proxy.test/'],
  ['https://aws.test', { HTTP_PROXY: 'http://proxy.test:3128' }, undefined],
  ['http://aws.test', { HTTP_PROXY: 'http://proxy.test:3128' }, 'http://proxy.test:3128/'],
  ['https://aws.test', {}, undefined],
])('%s with %o goes through %s', (address, environment, proxy) => {
  expect(through(address, environment)).toBe(proxy);
});

test.each([
  'https://127.0.0.1:4566',
  'https://127.8.8.8',
  'https://[::1]:4566',
  'https://localhost',
  'https://s3.localhost:1',
])('this machine is reached without a proxy: %s', (address) => {
  expect(through(address, https)).toBeUndefined();
});

test.each([
  ['aws.test', 'https://sts.aws.test'],
  ['.aws.test', 'https://sts.aws.test'],
  ['*.aws.test', 'https://sts.aws.test'],
  ['intranet.test, AWS.test', 'https://sts.aws.test'],
  ['sts.aws.test:443', 'https://sts.aws.test'],
  ['*', 'https://sts.aws.test'],
  ['10.0.0.0/8', 'https://10.1.2.3'],
  ['[fd00::1]', 'https://[fd00::1]:8443'],
  ['fd00::/8', 'https://[fd00::1]'],
])('NO_PROXY=%s excludes %s', (exceptions, address) => {
  expect(through(address, { ...https, NO_PROXY: exceptions })).toBeUndefined();
});

test.each([
  ['aws.test:80', 'https://sts.aws.test'],
  ['ws.test', 'https://sts.aws.test'],
  ['10.0.0.0/8', 'https://11.1.2.3'],
  ['10.0.0.0/99', 'https://10.1.2.3'],
  [' , ', 'https://sts.aws.test'],
])('NO_PROXY=%s does not exclude %s', (exceptions, address) => {
  expect(through(address, { ...https, NO_PROXY: exceptions })).toBe('http://proxy.test:3128/');
});

test('what is not an HTTP proxy is an error that names the variable', () => {
  expect(() => through('https://aws.test', { ALL_PROXY: 'socks5://127.0.0.1:1080' })).toThrow(
    'ALL_PROXY is "socks5://127.0.0.1:1080", which is not the address of an HTTP proxy. Set one such as',
  );
});

test('other programs are told that this machine needs no proxy', () => {
  const exceptions = 'intranet.test,127.0.0.1,localhost,[::1],::1';
  const told = { NO_PROXY: exceptions, no_proxy: exceptions };
  expect(exceptThisMachine({ ...https, NO_PROXY: 'intranet.test' })).toEqual(told);
  expect(exceptThisMachine({ ...https, ...told })).toEqual(told);
  expect(exceptThisMachine({ NO_PROXY: 'intranet.test' })).toEqual({});
});

describe('requests through a proxy', () => {
  afterEach(() => vi.unstubAllEnvs());

  test('of plain HTTP are for the proxy itself, with its password', async () => {
    await using proxy = await startProxy(1);
    vi.stubEnv('HTTP_PROXY', proxy.url.replace('//', '//me:p%40ss@'));
    const response = await proxyFetch(new URL('http://example.test/file?a=1'));
    expect(await response.text()).toBe('through the proxy: http://example.test/file?a=1');
    expect(proxy.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });

  test('that it refuses fail with its name; those to this machine do not ask it', async () => {
    await using proxy = await startProxy();
    vi.stubEnv('HTTPS_PROXY', proxy.url);
    vi.stubEnv('HTTP_PROXY', proxy.url);
    await expect(proxyFetch(new URL('https://example.test/'), { method: 'POST', body: 'picture' })).rejects.toThrow(
      `The proxy ${proxy.url} of HTTPS_PROXY does not connect to example.test:443: it answers 403 Forbidden.`,
    );
    const server = createServer((_request, response) => response.end('here'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await (await proxyFetch(new URL(address))).text()).toBe('here');
    server.closeAllConnections();
    server.close();
    expect(proxy.requests).toEqual(['CONNECT example.test:443']);
  });

  test.each([
    ['HTTPS_PROXY', 'https://example.test/'],
    ['HTTP_PROXY', 'http://example.test/'],
  ])('fail with the name of a proxy that does not run: %s', async (variable, address) => {
    vi.stubEnv(variable, 'http://127.0.0.1:1');
    await expect(proxyFetch(new URL(address))).rejects.toThrow(
      `The proxy http://127.0.0.1:1 of ${variable} cannot be used: connect ECONNREFUSED`,
    );
  });

  test('of other clients go through a tunnel, with our agent', async () => {
    const server = createServer((request, response) => response.end(`${request.headers.host}${request.url}`));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await using proxy = await startProxy((server.address() as AddressInfo).port);
    vi.stubEnv('HTTP_PROXY', proxy.url);
    const { httpAgent: agent } = proxyAgents();
    const answer = await new Promise<string>((resolve, reject) => {
      http
        .get('http://example.test:8000/file', { agent }, (response) => {
          response.setEncoding('utf8').on('data', resolve);
        })
        .on('error', reject);
    });
    expect(answer).toBe('example.test:8000/file');
    expect(proxy.requests).toEqual(['CONNECT example.test:8000']);
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
});
