import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { withFolder } from '#inference/app.fixture.ts';
import { exampleModel, examplePixels } from '#inference/example-model.ts';
import { moveAlias } from '#models/aliases.ts';
import { folderStore } from '#models/folder-store.ts';
import { publishVersion } from '#models/versions.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function serve(...args: string[]) {
  return spawn(process.execPath, ['--import', 'tsx', 'cli/cifar10.ts', 'serve', ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test('serves a folder until it is told to stop', () =>
  withFolder(async (folder) => {
    const store = folderStore(folder);
    const to = await publishVersion(store, await exampleModel());
    const child = serve('--store', folder, '--alias', 'candidate', '--port', '0');
    const errors = text(child.stderr);
    try {
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
      const [, url] = /^Listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec((await lines.next()).value) ?? [];
      const post = () => fetch(`${url}/classify`, { method: 'POST', body: new Uint8Array(examplePixels(1)) });
      const early = await post();
      expect(early.status).toBe(503);
      // Longer than load balancers keep theirs: a request must not meet a connection that is just being ended.
      expect(early.headers.get('keep-alive')).toBe('timeout=75');
      await moveAlias(store, 'candidate', { to, by: 'a test', expected: undefined });
      await expect.poll(async () => (await post()).status, { timeout: 10_000 }).toBe(200);
    } finally {
      child.kill('SIGTERM');
    }
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(await errors).toContain(`"./cifar10 train quick --out ${folder}"`);
    expect(await errors).toContain(`"./cifar10 models promote candidate --store ${folder}"`);
  }));

test('a port that is taken is an error with a remedy', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  try {
    const child = serve('--port', String(port));
    const [errors, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(code).toBe(1);
    expect(errors).toContain(`Port ${port} is taken`);
    expect(errors).toContain('--port');
  } finally {
    other.close();
  }
});
