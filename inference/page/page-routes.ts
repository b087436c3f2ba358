import { createHash } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Manifest } from '#models/manifest.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readVersion, UnknownVersion, type VerifiedVersion } from '#models/versions.ts';
import type { App, RequestContext } from '../http/context.ts';
import { RequestError } from '../http/problem.ts';
import { ModelUnavailable } from '../serving/model-errors.ts';
import { withTimeout } from '../serving/with-timeout.ts';
import type { Page } from './page.ts';

export interface PageOptions {
  /** Where the models are: the page runs the one that is served in the browser too. */
  readonly store: ObjectStore;
  /** Called when somebody first asks for it. */
  readonly page: () => Page | Promise<Page>;
}

/** Lambda's answers are at most 6 MB, in Base64. A longer file is fetched in parts, each by an address of its own (`?from=`). */
const PART = 4_000_000;

/** What a browser needs of a version: the model, its documents and its report; not what training and other programs read. */
const FOR_BROWSERS = /^((model|golden|card|manifest)\.json|weights\.bin|README\.md|report\.html|report\/[\w-]+\.svg)$/;

/** Bytes that are read for an answer, at most: besides the served model there must be room for them. */
const LARGEST = 100_000_000;

/** Milliseconds after which a store that hangs is given up. */
const GIVE_UP_AFTER = 20_000;

/** Nothing under such an address ever changes. */
const FOR_EVER = { 'cache-control': 'public, max-age=31536000, immutable' };

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.md': 'text/markdown; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** The page for people, the files that it consists of, and those of the models. */
export function pageRoutes(app: App, { store, page }: PageOptions): void {
  let built: Promise<Page> | undefined;
  const thePage = () => {
    built ??= Promise.resolve().then(page);
    return built;
  };

  // Programs get the list of addresses that follows.
  app.use('/', async (context, next) => {
    const isRead = context.req.method === 'GET' || context.req.method === 'HEAD';
    if (!isRead || !context.req.header('accept')?.includes('text/html')) {
      await next();
      context.res.headers.append('vary', 'accept');
      return;
    }
    const { html } = await thePage();
    return send(context, Buffer.from(html), '.html', {
      'cache-control': 'no-cache',
      'content-security-policy': policyOf(html),
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': 'camera=(self), microphone=(), geolocation=()',
      vary: 'accept, accept-encoding',
    });
  });

  app.get('/page/:file', async (context) => {
    const name = context.req.param('file');
    const body = (await thePage()).files.get(name);
    if (!body)
      throw new RequestError('unknown-route', `The page has no file ${name}; it may have been replaced. Reload it.`);
    return send(context, body, path.extname(name), FOR_EVER);
  });

  const read = readerOf(store);

  app.get('/models/:version/:file{.+}', async (context) => {
    const { version, file } = context.req.param();
    if (!FOR_BROWSERS.test(file)) throw noSuchFile(version, file);
    const { manifest } = await read(version);
    if (file === 'manifest.json') return send(context, Buffer.from(JSON.stringify(manifest)), '.json', FOR_EVER);
    const entry = manifest.files.find((each) => each.path === file);
    if (!entry) throw noSuchFile(version, file);
    const [from, to] = part(context, entry);
    const whole = (await read(version, file)).file(file); // Sent as it is where it can be: what it is compressed to is kept by it.
    return send(context, to - from === whole.length ? whole : whole.subarray(from, to), path.extname(file), {
      ...FOR_EVER,
      // A report is a document, and may come with styles. It runs nothing, and is not of this origin.
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'",
    });
  });
}

/**
 * Reads a version, verified, with one of its files or none. What was read of the last version is kept: the parts of a file
 * are asked for one after the other.
 */
function readerOf(store: ObjectStore): (version: string, file?: string) => Promise<VerifiedVersion> {
  let last = { version: '', reads: new Map<string | undefined, Promise<VerifiedVersion>>() };
  return (version, file) => {
    if (last.version !== version) last = { version, reads: new Map() };
    const { reads } = last;
    const known = reads.get(file);
    if (known) return known;
    const reading = readInTime(store, version, file === undefined ? [] : [file]);
    reads.set(file, reading);
    reading.catch(() => reads.delete(file));
    return reading;
  };
}

async function readInTime(store: ObjectStore, version: string, only: readonly string[]): Promise<VerifiedVersion> {
  const tooLate = () => new Error(`The store has not answered for ${GIVE_UP_AFTER / 1000} s.`);
  try {
    return await withTimeout(readVersion(store, version, { only, atMost: LARGEST }), GIVE_UP_AFTER, tooLate);
  } catch (cause) {
    if (cause instanceof UnknownVersion) throw cause;
    throw new ModelUnavailable(`${version} cannot be read now. The log of the endpoint says why.`, store, { cause });
  }
}

function noSuchFile(version: string, file: string): RequestError {
  return new RequestError('unknown-route', `${version} has no file ${file} for browsers.`);
}

/** From where to where an answer goes: a part is only what was asked for as one, so that nobody takes it for the whole. */
function part(context: RequestContext, { path, size }: Manifest['files'][number]): [from: number, to: number] {
  const text = context.req.query('from');
  if (text === undefined && size <= PART) return [0, size];
  const from = Number(text);
  if (text && /^\d{1,12}$/.test(text) && from < Math.max(1, size)) return [from, Math.min(from + PART, size)];
  throw new RequestError(
    'bad-parameter',
    text === undefined
      ? `${path} has ${size} bytes, more than an answer holds. Ask for its parts: ?from=0, ?from=${PART} and so on.`
      : `from is ${JSON.stringify(text)}. Give an offset within the ${size} bytes of the file.`,
  );
}

/** Nothing but what comes from here, and one script in the document, by its hash. */
function policyOf(html: string): string {
  const [, script = ''] = /<script>([\s\S]*?)<\/script>/.exec(html) ?? [];
  const hash = createHash('sha256').update(script).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'wasm-unsafe-eval' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

const compressed = new WeakMap<Uint8Array, Promise<Uint8Array>>();

/** Weights are noise to gzip, and are sent as they are. */
async function send(
  context: RequestContext,
  body: Uint8Array,
  extension: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const type = TYPES[extension] ?? 'application/octet-stream';
  const known = { 'content-type': type, ...headers };
  const isWorthIt = extension in TYPES && extension !== '.png' && body.length > 1024;
  if (!isWorthIt || !/\bgzip\b/.test(context.req.header('accept-encoding') ?? '')) {
    return new Response(bytes(body), { headers: known });
  }
  const small = compressed.get(body) ?? promisify(gzip)(body);
  compressed.set(body, small);
  return new Response(bytes(await small), {
    headers: { vary: 'accept-encoding', ...known, 'content-encoding': 'gzip' },
  });
}

/** Bodies are never shared memory, which is more than their type says. */
function bytes(body: Uint8Array): Uint8Array<ArrayBuffer> {
  return body as Uint8Array<ArrayBuffer>;
}
