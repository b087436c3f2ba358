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
  /** The store with the models, which the page also runs in the browser. */
  readonly store: ObjectStore;
  /** Called on the first request for the page. */
  readonly page: () => Page | Promise<Page>;
}

/** Bytes. Lambda limits answers to 6 MB in Base64, so longer files are fetched in parts, each with its own URL (`?from=`). */
const PART_SIZE = 4_000_000;

/** The files of a version that browsers need: the model, its documents and its report; not the exports for other programs. */
const FOR_BROWSERS = /^((model|golden|card|manifest)\.json|weights\.bin|README\.md|report\.html|report\/[\w-]+\.svg)$/;

/** Largest number of bytes read for an answer, which must fit in memory beside the served model. */
const MAX_BYTES = 100_000_000;

/** Milliseconds after which reading from the store times out. */
const TIMEOUT = 20_000;

/** For URLs whose content never changes. */
const IMMUTABLE = { 'cache-control': 'public, max-age=31536000, immutable' };

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

/** Serves the web page, its files, and the files of the models. */
export function pageRoutes(app: App, { store, page }: PageOptions): void {
  let built: Promise<Page> | undefined;
  const getPage = () => {
    built ??= Promise.resolve().then(page);
    return built;
  };

  // Other clients get the list of routes.
  app.use('/', async (context, next) => {
    const isRead = context.req.method === 'GET' || context.req.method === 'HEAD';
    if (!isRead || !context.req.header('accept')?.includes('text/html')) {
      await next();
      context.res.headers.append('vary', 'accept');
      return;
    }
    const { html } = await getPage();
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
    const body = (await getPage()).files.get(name);
    if (!body)
      throw new RequestError(
        'unknown-route',
        `The page has no file ${name}. It may have been replaced by a newer one; reload the page.`,
      );
    return send(context, body, path.extname(name), IMMUTABLE);
  });

  const read = readerOf(store);

  app.get('/models/:version/:file{.+}', async (context) => {
    const { version, file } = context.req.param();
    if (!FOR_BROWSERS.test(file)) throw noSuchFile(version, file);
    const { manifest } = await read(version);
    if (file === 'manifest.json') return send(context, Buffer.from(JSON.stringify(manifest)), '.json', IMMUTABLE);
    const entry = manifest.files.find((each) => each.path === file);
    if (!entry) throw noSuchFile(version, file);
    const [from, to] = part(context, entry);
    const whole = (await read(version, file)).file(file); // Not copied if possible: `compressed` is keyed by the array.
    return send(context, to - from === whole.length ? whole : whole.subarray(from, to), path.extname(file), {
      ...IMMUTABLE,
      // A report is an HTML document with inline styles. The sandbox gives it an opaque origin and no scripts.
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'",
    });
  });
}

/**
 * Reads and verifies a version, with one of its files or none. Files of the version that was read last are cached, since the
 * parts of a file are requested one after the other.
 */
function readerOf(store: ObjectStore): (version: string, file?: string) => Promise<VerifiedVersion> {
  let last = { version: '', reads: new Map<string | undefined, Promise<VerifiedVersion>>() };
  return (version, file) => {
    if (last.version !== version) last = { version, reads: new Map() };
    const { reads } = last;
    const known = reads.get(file);
    if (known) return known;
    const reading = readWithTimeout(store, version, file === undefined ? [] : [file]);
    reads.set(file, reading);
    reading.catch(() => reads.delete(file));
    return reading;
  };
}

async function readWithTimeout(store: ObjectStore, version: string, only: readonly string[]): Promise<VerifiedVersion> {
  const timedOut = () => new Error(`The store has not answered for ${TIMEOUT / 1000} s.`);
  try {
    return await withTimeout(readVersion(store, version, { only, atMost: MAX_BYTES }), TIMEOUT, timedOut);
  } catch (cause) {
    if (cause instanceof UnknownVersion) throw cause;
    throw new ModelUnavailable(`${version} cannot be read now. See the log of the endpoint for the cause.`, store, {
      cause,
    });
  }
}

function noSuchFile(version: string, file: string): RequestError {
  return new RequestError('unknown-route', `${version} has no file ${file} that browsers may read.`);
}

/** The range of bytes to answer with. A part is sent only if `from` was requested, so that no client takes it for the whole. */
function part(context: RequestContext, { path, size }: Manifest['files'][number]): [from: number, to: number] {
  const text = context.req.query('from');
  if (text === undefined && size <= PART_SIZE) return [0, size];
  const from = Number(text);
  if (text && /^\d{1,12}$/.test(text) && from < Math.max(1, size)) return [from, Math.min(from + PART_SIZE, size)];
  throw new RequestError(
    'bad-parameter',
    text === undefined
      ? `${path} has ${size} bytes, more than an answer can have. Request its parts: ?from=0, ?from=${PART_SIZE} and so on.`
      : `from is ${JSON.stringify(text)}. Use an offset within the ${size} bytes of the file.`,
  );
}

/** Allows only resources of this origin, and the inline script of the document by its hash. */
function policyOf(html: string): string {
  const [, script = ''] = /<script>([\s\S]*?)<\/script>/.exec(html) ?? [];
  const hash = createHash('sha256').update(script).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'wasm-unsafe-eval' 'sha256-${hash}'`,
    "style-src 'self'",
    // A drawing (SVG) that the user has chosen.
    "img-src 'self' blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

const compressed = new WeakMap<Uint8Array, Promise<Uint8Array>>();

/** Weights do not compress and are sent as they are. */
async function send(
  context: RequestContext,
  body: Uint8Array,
  extension: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const type = TYPES[extension] ?? 'application/octet-stream';
  const known = { 'content-type': type, ...headers };
  const isCompressible = extension in TYPES && extension !== '.png' && body.length > 1024;
  if (!isCompressible || !/\bgzip\b/.test(context.req.header('accept-encoding') ?? '')) {
    return new Response(bytes(body), { headers: known });
  }
  const small = compressed.get(body) ?? promisify(gzip)(body);
  compressed.set(body, small);
  return new Response(bytes(await small), {
    headers: { vary: 'accept-encoding', ...known, 'content-encoding': 'gzip' },
  });
}

/** Narrows the type: bodies never use shared memory. */
function bytes(body: Uint8Array): Uint8Array<ArrayBuffer> {
  return body as Uint8Array<ArrayBuffer>;
}
