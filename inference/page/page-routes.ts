import { createHash } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ObjectStore } from '#models/object-store.ts';
import { readVersion, UnknownVersion, type VerifiedVersion } from '#models/versions.ts';
import type { App, RequestContext } from '../context.ts';
import { ModelUnavailable } from '../live-models.ts';
import { RequestError } from '../problem.ts';
import type { Page } from './page.ts';

export interface PageOptions {
  /** Where the models are: the page runs the one that is served in the browser too. */
  readonly store: ObjectStore;
  /** Called when somebody first asks for it. */
  readonly page: () => Page | Promise<Page>;
}

/** Lambda's answers are at most 6 MB, in Base64. A longer file is fetched in parts, by `?from=`. */
const PART = 4_000_000;

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

  let last: { readonly version: string; readonly manifest: Promise<VerifiedVersion['manifest']> } | undefined;

  /** A file of a version, verified. Only what a browser needs: model, documents and report. */
  app.get('/models/:version/:file{.+}', async (context) => {
    const { version, file } = context.req.param();
    if (last?.version !== version)
      last = { version, manifest: read(store, version, []).then(({ manifest }) => manifest) };
    const current = last;
    const manifest = await current.manifest.catch((error: unknown) => {
      if (last === current) last = undefined;
      throw error;
    });
    if (file === 'manifest.json') return send(context, Buffer.from(JSON.stringify(manifest)), '.json', FOR_EVER);
    const entry = manifest.files.find((each) => each.path === file);
    if (!entry) throw new RequestError('unknown-route', `${version} has no file ${file}.`);
    const from = offset(context, entry.size);
    const { file: bodyOf } = await read(store, version, [file]);
    const body = bodyOf(file).subarray(from, from + PART);
    return send(context, body, path.extname(file), {
      ...FOR_EVER,
      // A report is a document, and may come with styles. It runs nothing, and is not of this origin.
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'",
    });
  });
}

async function read(store: ObjectStore, version: string, only: readonly string[]): Promise<VerifiedVersion> {
  try {
    return await readVersion(store, version, { only });
  } catch (cause) {
    if (cause instanceof UnknownVersion) throw cause;
    throw new ModelUnavailable(`${version} cannot be read now. The log of the endpoint says why.`, store, { cause });
  }
}

function offset(context: RequestContext, size: number): number {
  const text = context.req.query('from') ?? '0';
  if (/^\d{1,12}$/.test(text) && Number(text) < Math.max(1, size)) return Number(text);
  throw new RequestError(
    'bad-parameter',
    `from is ${JSON.stringify(text)}. Give an offset within the ${size} bytes of the file.`,
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
