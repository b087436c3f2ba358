import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { localstackPython } from '#setup/localstack.mjs';
import { createClient, postImage } from './client.ts';
import { requestSigner, type SigningCredentials } from './sign.ts';

const region = 'eu-west-1';
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const temporary = { ...credentials, sessionToken: 'FwoGZXIvYXdzE/+=' };

/** What AWS's library for Python signs in the same requests. */
function judged(requests: readonly object[]): string[] {
  const script = fileURLToPath(new URL('botocore_signatures.py', import.meta.url));
  const { stdout, stderr } = spawnSync(localstackPython()!, [script], {
    ...{ input: JSON.stringify(requests), encoding: 'utf8', maxBuffer: 2 ** 26 },
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

async function signed(request: Request, by: SigningCredentials) {
  const sent = await requestSigner({ region, credentials: async () => by })(request);
  const body = Buffer.from(await sent.clone().arrayBuffer());
  const judgedAs = {
    ...{ method: sent.method, url: sent.url, headers: Object.fromEntries(sent.headers) },
    ...{ ...by, region, body: body.toString('base64') },
  };
  return { sent, body, judgedAs };
}

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.string({ maxLength: 12 }));
const anyRequest = fc.record({
  /** Encoded as programs do, and characters that addresses may have as they are. */
  segments: fc.array(fc.oneof(text.map(encodeURIComponent), fc.constantFrom("(a)*'!", 'x=1;b,c@:$&+', '~._-', '%2F')), {
    maxLength: 4,
  }),
  slash: fc.constantFrom('', '/'),
  // A name of JavaScript's own objects would be lost by AWS's library for JavaScript.
  query: fc.array(
    fc.tuple(
      text.filter((name) => name !== '__proto__'),
      text,
    ),
    { maxLength: 5 },
  ),
  body: fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined }),
  type: fc.constantFrom('application/octet-stream', 'image/png', 'application/json;  charset=utf-8'),
  credentials: fc.constantFrom(credentials, temporary),
});

test('signs as botocore does: any path, query, body and session token', { timeout: 60_000 }, async () => {
  const cases = await Promise.all(
    fc.sample(anyRequest, { numRuns: 300, seed: 1 }).map(({ segments, slash, query, body, type, credentials }) => {
      const path = ['prod', ...segments].join('/');
      const url = `https://abc123.execute-api.${region}.amazonaws.com/${path}${slash}?${new URLSearchParams(query)}`;
      const init = body === undefined ? {} : { body: new Uint8Array(body), headers: { 'content-type': type } };
      const method = body === undefined ? 'GET' : 'POST';
      return signed(new Request(url, { method, ...init }), credentials);
    }),
  );
  const expected = judged(cases.map(({ judgedAs }) => judgedAs));
  expect(cases.map(({ sent }) => sent.headers.get('authorization'))).toEqual(expected);
});

test('means the same request after signing', async () => {
  const request = new Request("http://127.0.0.1:4566/_aws/execute-api/a1/prod/v2/o'k?version=a+b&version=c&empty=", {
    ...{ method: 'POST', body: new Uint8Array([0, 255, 10]), headers: { 'content-type': 'image/png' } },
  });
  const { sent, body } = await signed(request, temporary);
  expect(sent.url).toBe('http://127.0.0.1:4566/_aws/execute-api/a1/prod/v2/o%27k?version=a%20b&version=c&empty=');
  expect([...body]).toEqual([0, 255, 10]);
  expect(Object.fromEntries(sent.headers)).toMatchObject({
    ...{ 'content-type': 'image/png', 'x-amz-security-token': temporary.sessionToken },
    authorization: expect.stringContaining('SignedHeaders=content-type;host;x-amz-date;x-amz-security-token'),
  });
});

test.each(['GET', 'HEAD'])('signs a %s in a browser whose requests have no property "body"', async (method) => {
  const request = Object.defineProperty(new Request('http://127.0.0.1/model', { method }), 'body', {
    value: undefined,
  });
  const { sent } = await signed(request, credentials);
  expect([sent.method, sent.body]).toEqual([method, null]);
});

test('the client signs each request with the credentials of that moment', async () => {
  const received: { authorization: string | undefined; length: number }[] = [];
  const server = createServer((incoming, outgoing) => {
    let length = 0;
    incoming.on('data', (part: Buffer) => {
      length += part.length;
    });
    incoming.on('end', () => {
      received.push({ authorization: incoming.headers.authorization, length });
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let current: SigningCredentials = credentials;
  const client = createClient({ url, sign: requestSigner({ region, credentials: async () => current }) });
  await postImage(client, new Uint8Array(3072), {});
  current = { ...temporary, accessKeyId: 'AKIDNEXT' };
  await postImage(client, new Uint8Array(3072), { top_k: 3 });
  server.close();
  expect(received.map(({ length }) => length)).toEqual([3072, 3072]);
  expect(received[0]?.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/execute-api\//,
  );
  expect(received[1]?.authorization).toContain('Credential=AKIDNEXT/');
});

test('is small enough for a web page, and needs nothing of Node', async () => {
  const { outputFiles, metafile } = await build({
    ...{ entryPoints: [fileURLToPath(new URL('sign.ts', import.meta.url))], bundle: true, minify: true },
    ...{ platform: 'browser', format: 'esm', write: false, metafile: true, logLevel: 'silent' },
  });
  expect(outputFiles[0]!.contents.length).toBeLessThan(30_000);
  expect(Object.keys(metafile.inputs).filter((file) => file.startsWith('node:'))).toEqual([]);
});
