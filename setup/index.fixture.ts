import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Wheel } from './wheels.mjs';
import { zip } from './zip.fixture.ts';

/** A wheel that pip accepts, with the given files, and its pin. */
export function makeWheel(
  file: string,
  content: Readonly<Record<string, string | Uint8Array>> = {},
): { readonly wheel: Wheel; readonly bytes: Buffer } {
  const [project = '', version = ''] = file.split('-');
  const info = `${project}-${version}.dist-info`;
  const files = {
    ...content,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${project}\nVersion: ${version}\n`,
    [`${info}/WHEEL`]: `Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: ${file.split('-').slice(2).join('-').replace('.whl', '')}\n`,
    [`${info}/RECORD`]: '',
  };
  const bytes = zip(Object.entries(files).map(([name, body]) => ({ name, body: Buffer.from(body), deflated: true })));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { wheel: { project: project.replaceAll('_', '-'), version, file, sha256, size: bytes.length }, bytes };
}

export interface TestIndex extends AsyncDisposable {
  /** The value for `PIP_INDEX_URL`. */
  readonly url: string;
  /** The requested paths. */
  readonly requests: string[];
}

/** Serves a package index (PEP 503, HTML) on the loopback interface. */
export async function serveIndex(
  files: Readonly<Record<string, Uint8Array>>,
  { credentials }: { credentials?: string } = {},
): Promise<TestIndex> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push(path);
    const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
    if (expected && request.headers.authorization !== expected) {
      response.writeHead(401).end();
      return;
    }
    const file = files[path.replace('/files/', '')];
    const project = /^\/simple\/([^/]+)\/$/.exec(path)?.[1];
    const links = Object.keys(files).filter((name) => name.split('-')[0]?.replaceAll('_', '-') === project);
    if (path.startsWith('/files/') && file !== undefined) {
      response.end(file);
    } else if (links.length > 0) {
      response.setHeader('content-type', 'text/html');
      response.end(links.map((name) => `<a href="../../files/${name}">${name}</a><br>`).join('\n'));
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${credentials ? `${credentials}@` : ''}127.0.0.1:${port}/simple/`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
