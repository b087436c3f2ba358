import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { devNull } from 'node:os';
import { vi } from 'vitest';

/** A bucket on this machine, of which S3's ListObjectsV2, HeadObject and GetObject, with `If-Match`, are answered. */
export interface LoopbackBucket extends AsyncDisposable {
  /** By key; may be changed. */
  readonly objects: Map<string, Uint8Array>;
  /** The keys that were read, and `?` for each page of a list. */
  readonly requested: string[];
  /** Answers the next requests with an error, or breaks off in the middle of a body. */
  readonly faults: (Fault | 'break')[];
}

interface Fault {
  readonly status: number;
  readonly code: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Objects of a page of a list; S3's has 1,000. */
const PAGE = 7;

/** The environment then leads to it, and to no settings of the user's. */
export async function startBucket(
  name: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<LoopbackBucket> {
  const objects = new Map(Object.entries(files).map(([key, body]) => [key, Buffer.from(body)] as [string, Uint8Array]));
  const requested: string[] = [];
  const faults: LoopbackBucket['faults'] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://bucket');
    const [, bucket, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const key = rest.join('/');
    requested.push(key || '?');
    const fault = faults.shift();
    const fail = (status: number, code: string, headers: Fault['headers'] = {}) => {
      response.writeHead(status, { 'content-type': 'application/xml', ...headers });
      response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>As documented.</Message></Error>`);
    };
    if (fault && fault !== 'break') return fail(fault.status, fault.code, fault.headers);
    if (bucket !== name) return fail(404, 'NoSuchBucket');
    if (key === '') {
      response.writeHead(200, { 'content-type': 'application/xml' });
      return void response.end(listing(objects, url.searchParams));
    }
    const body = objects.get(key);
    if (body === undefined) return fail(404, 'NoSuchKey');
    const { 'if-match': wanted = etagOf(body) } = request.headers;
    if (wanted !== etagOf(body)) return fail(412, 'PreconditionFailed');
    response.writeHead(200, { etag: etagOf(body), 'content-length': body.length });
    if (request.method === 'HEAD') return void response.end();
    if (fault === 'break') response.write(body.subarray(0, body.length / 2), () => response.destroy());
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  for (const each of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(each, 'test');
  for (const each of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(each, devNull);
  for (const each of ['AWS_PROFILE', 'AWS_DEFAULT_REGION', 'AWS_SESSION_TOKEN']) vi.stubEnv(each, undefined);
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    objects,
    requested,
    faults,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listing(objects: ReadonlyMap<string, Uint8Array>, parameters: URLSearchParams): string {
  const keys = [...objects.keys()].filter((key) => key.startsWith(parameters.get('prefix') ?? '')).sort();
  const start = Number(parameters.get('continuation-token') ?? 0);
  const isEncoded = parameters.get('encoding-type') === 'url';
  const text = (value: string) => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const shown = (key: string) =>
    isEncoded ? encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/') : text(key);
  const contents = keys.slice(start, start + PAGE).map((key) => {
    const body = objects.get(key)!;
    return `<Contents><Key>${shown(key)}</Key><Size>${body.length}</Size><ETag>${text(etagOf(body))}</ETag></Contents>`;
  });
  const isCut = start + PAGE < keys.length;
  const next = isCut ? `<NextContinuationToken>${start + PAGE}</NextContinuationToken>` : '';
  const encoding = isEncoded ? '<EncodingType>url</EncodingType>' : '';
  return `<?xml version="1.0"?><ListBucketResult>${encoding}<IsTruncated>${isCut}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
}

function etagOf(body: Uint8Array): string {
  return `"${createHash('md5').update(body).digest('hex')}"`;
}
