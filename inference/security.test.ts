import { encode } from 'fast-png';
import { expect, test } from 'vitest';
import { type Endpoint, withEndpoint } from './app.fixture.ts';
import { examplePixels } from './serving/example-model.fixture.ts';
import { jsonLog } from './telemetry/log.ts';

const png = encode({ width: 32, height: 32, channels: 3, data: examplePixels(1) });

interface Route {
  readonly path: string;
  readonly methods: readonly string[];
}

/** All routes that the endpoint lists, with a version and files for the parameters, and an unknown route. */
async function routesOf({ url, promote }: Endpoint): Promise<Route[]> {
  const version = await promote();
  const html = await (await fetch(`${url}/`, { headers: { accept: 'text/html' } })).text();
  const [, script] = /"page\/([^"]+\.js)"/.exec(html)!;
  const { routes } = (await (await fetch(`${url}/`)).json()) as { routes: { href: string; methods: string[] }[] };
  const listed = routes.map(({ href, methods }) => ({
    path: href
      .slice(1)
      .replace('/page/:file', `/page/${script}`)
      .replace(/:file.*/, 'model.json')
      .replace(/:version/, version)
      .replace(/:\w+/, 'cifar10'),
    methods,
  }));
  expect(listed.length).toBeGreaterThan(15);
  expect(listed.map(({ path }) => path).join()).not.toContain(':');
  return [...listed, { path: '/nowhere', methods: [] }];
}

const METHODS = ['GET', 'POST', 'PUT'];

test('every answer of every route forbids MIME sniffing, framing, referrers and sharing with other origins', () =>
  withEndpoint(async (endpoint) => {
    for (const { path, methods } of await routesOf(endpoint)) {
      for (const method of METHODS) {
        const headers = { origin: 'https://example.org', accept: method === 'GET' ? 'text/html,*/*' : '*/*' };
        const response = await fetch(endpoint.url + path, {
          ...{ method, headers },
          ...(method === 'GET' ? {} : { body: new Uint8Array(png) }),
        });
        const where = `${method} ${path} ${response.status}`;
        const isAllowed = methods.includes(method);
        expect(response.status === 405, where).toBe(!isAllowed && path !== '/nowhere');
        expect(response.headers.get('x-content-type-options'), where).toBe('nosniff');
        expect(response.headers.get('referrer-policy'), where).toBe('no-referrer');
        const policy = response.headers.get('content-security-policy');
        expect(policy, where).toContain("default-src 'none'");
        expect(policy, where).toContain("frame-ancestors 'none'");
        if (response.status >= 400) expect(response.headers.get('cache-control'), where).toBe('no-store');
        const names = [...response.headers.keys()];
        const shared = names.filter((name) => name.startsWith('access-control-'));
        // The OpenAPI document is public, for tools on other origins.
        const isPublic = path === '/openapi.json' && response.status === 200;
        expect(shared, where).toEqual(isPublic ? ['access-control-allow-origin'] : []);
        expect(names).not.toContain('set-cookie');
        expect(names).not.toContain('x-powered-by');
        await response.arrayBuffer();
      }
    }
  }));

const KEY = 'k3y-0f-a-client-that-nobody-may-read';
const SIGNATURE = '5167a7e5167a7e5167a7e5167a7e5167a7e5167a7e5167a7e';
const SIGNED = `https://bucket.s3.amazonaws.com/cat.png?X-Amz-Signature=${SIGNATURE}`;
const PRIVATE_TEXT = 'a body that is not an image and must stay private';

test('no log line contains an API key, a signed URL, or bytes of an image', () =>
  withEndpoint(async (endpoint) => {
    const base64 = Buffer.from(png).toString('base64');
    const imagesInput = (data: readonly unknown[]) => ({
      name: 'images',
      shape: [1, 32, 32, 3],
      datatype: 'UINT8',
      data,
    });
    const bodies: readonly (string | Uint8Array<ArrayBuffer> | FormData)[] = [
      ...[new Uint8Array(png), new Uint8Array(png.subarray(0, 300)), new Uint8Array(examplePixels(1)), PRIVATE_TEXT],
      ...[{ inputs: base64 }, { inputs: [base64, PRIVATE_TEXT, SIGNED] }, { inputs: SIGNED }].map((body) =>
        JSON.stringify(body),
      ),
      JSON.stringify({ instances: [{ b64: base64 }, { b64: SIGNED }] }),
      ...[[...examplePixels(1)], Array(3072).fill(PRIVATE_TEXT)].map((data) =>
        JSON.stringify({ inputs: [imagesInput(data)] }),
      ),
      `{"inputs": "${base64.slice(0, 200)}`,
      formOf(new Uint8Array(png), 'image'),
      formOf(PRIVATE_TEXT, 'image'),
    ];
    const headers = { 'x-api-key': KEY, authorization: `Bearer ${KEY}`, cookie: `key=${KEY}` };
    const query = `?x-api-key=${KEY}&X-Amz-Signature=${SIGNATURE}`;
    for (const { path } of await routesOf(endpoint)) {
      await (await fetch(endpoint.url + path + query, { headers })).arrayBuffer();
      for (const body of bodies) {
        const response = await fetch(endpoint.url + path + query, { method: 'POST', headers, body });
        await response.arrayBuffer();
      }
    }
    const lines: string[] = [];
    const write = jsonLog((line) => lines.push(line));
    for (const { level, message, ...facts } of endpoint.logged) write(level as 'info', message, facts);
    const requests = lines.filter((line) => line.includes('"message":"request"'));
    expect(requests.length).toBeGreaterThan(15 * bodies.length);
    expect(requests.filter((line) => line.includes('"status":200')).length).toBeGreaterThan(15);
    const log = lines.join('');
    const pixels = [...examplePixels(1)].slice(0, 8).join();
    const secrets = [
      KEY,
      SIGNATURE,
      'X-Amz',
      PRIVATE_TEXT.slice(0, 16),
      base64.slice(0, 16),
      base64.slice(60, 76),
      pixels,
    ];
    expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
  }));

function formOf(body: Uint8Array<ArrayBuffer> | string, name: string): FormData {
  const form = new FormData();
  if (typeof body === 'string') form.append(name, body);
  else form.append(name, new Blob([body]), 'picture');
  return form;
}
