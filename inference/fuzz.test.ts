import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { encode } from 'fast-png';
import { expect, test } from 'vitest';
import { withEndpoint } from './app.fixture.ts';
import { FORMATS, type Format, fuzz } from './fuzz.fixture.ts';
import { examplePixels } from './serving/example-model.fixture.ts';

// `npm run bench -- fuzz` sends 10,000 of each.
test.each(Object.keys(FORMATS) as Format[])('a damaged %s is classified or refused with a 4xx problem', (format) =>
  withEndpoint(async ({ url, promote, logged }) => {
    await promote();
    const outcomes = await fuzz({ url, format, count: 200, seed: 1 });
    expect([...outcomes.keys()].filter((outcome) => !/^(200$|4)/.test(outcome))).toEqual([]);
    expect([...outcomes.values()].reduce((sum, count) => sum + count)).toBe(200);
    expect(outcomes.get('400 corrupt-image')).toBeGreaterThan(50);
    expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
  }),
);

const png = encode({ width: 32, height: 32, channels: 3, data: examplePixels(1) });
const base64 = Buffer.from(png).toString('base64');
const jpeg = readFileSync(new URL('../images/fixtures/baseline-444.jpg', import.meta.url));

/** Valid fragments of requests: as they are, truncated, concatenated, and mixed with junk. */
function near(...words: readonly string[]): fc.Arbitrary<string> {
  const word = fc.constantFrom(...words);
  const junk = fc.oneof(fc.string({ maxLength: 5 }), fc.string({ unit: 'binary', maxLength: 5 }));
  return fc.oneof(
    word,
    fc.tuple(word, fc.nat(200)).map(([text, length]) => text.slice(0, length)),
    fc.array(fc.oneof(word, junk), { maxLength: 8 }).map((all) => all.join('')),
    fc.string({ maxLength: 60 }),
  );
}

const part = (headers: string, body: string) => `--edge\r\n${headers}\r\n\r\n${body}\r\n`;
const disposition = 'Content-Disposition: form-data; name="image"';

const texts = near(
  ...['{"inputs": "', base64, '"}', `{"inputs": ["${base64}", "?"]}`, `{"instances": [{"b64": "${base64}"}]}`],
  ...['{"inputs": "", "inputs": []}', '{"inputs": ', '[[[[', '{"a":', ']', '}', '\\u0000', '\\ud800', '1e999', ', '],
  ...['"parameters": {"top_k": ', '-1', '{"__proto__": 1}', '{"inputs": [{"name": "images"', 'null'],
  ...[part(disposition, 'text'), part(`${disposition}; filename="a.png"`, 'x'), '--edge--\r\n', '--edge', '\r\n'],
  ...[part('Content-Disposition: form-data; name="image"; filename*=UTF-8\'\'%', 'x'), part(disposition, '--edge')],
);
const bodies = fc.oneof(
  texts.map((text) => new Uint8Array(Buffer.from(text))),
  fc.uint8Array({ maxLength: 200 }),
  fc.constantFrom<Uint8Array>(png, jpeg, new Uint8Array(0), new Uint8Array(3072)),
);
const types = near(
  ...['application/json', 'application/json; charset=utf-16', 'application/problem+json', 'image/png', 'text/plain'],
  ...['multipart/form-data; boundary=edge', 'multipart/form-data; boundary="edge"', 'multipart/form-data', 'a/b; c=d'],
  ...['; boundary=', 'application/x-www-form-urlencoded', 'multipart/mixed; boundary=edge', '/', ';', ','],
);
const queries = near(
  ...[
    'top_k=3',
    'top_k=999999999999999999999',
    'strict=1',
    'version=production',
    'version=..%2f..',
    'explain=occlusion',
  ],
  ...['%00', '%ff', '&', '=', '+', 'top_k=3&top_k=3', 'version=%0d%0aset-cookie:a=b', 'strict', '%'],
);
const paths = fc.oneof(
  fc.constantFrom(...['/classify', '/classify/batch', '/v2/models/cifar10/infer', '/model', '/', '/docs']),
  near('/v2', '/models/', 'cifar10', '/versions/', 'production', '..', '/', '%2e%2e', '%00', 'page/', '/manifest.json'),
);

const MAY_HAVE_A_BODY = ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];

test('no body, content type, query, path or method causes an internal error, and each answer matches the OpenAPI document', () =>
  withEndpoint(async ({ url, promote, logged }) => {
    await promote();
    const request = fc.record({
      method: fc.oneof({ weight: 8, arbitrary: fc.constant('POST') }, fc.constantFrom('GET', 'PUT', 'DELETE', 'PATCH')),
      ...{ path: paths, query: queries, type: types, body: bodies },
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, query, type, body }) => {
        const address = new URL(url);
        address.pathname = path;
        address.search = query;
        const response = await fetch(address, {
          method,
          ...(isHeader(type) ? { headers: { 'content-type': type } } : {}),
          ...(MAY_HAVE_A_BODY.includes(method) ? { body: new Uint8Array(body) } : {}),
        });
        expect(response.status).toBeLessThan(500);
        expect(response.headers.get('set-cookie')).toBeNull();
        await response.arrayBuffer();
      }),
      { numRuns: 800 },
    );
    expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
  }));

/** `fetch` cannot send other header values. */
function isHeader(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]+$/.test(text) && text.trim() !== '';
}
