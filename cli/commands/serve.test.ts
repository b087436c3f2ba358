import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { withFolder } from '#inference/app.fixture.ts';
import { exampleModel, examplePixels } from '#inference/serving/example-model.fixture.ts';
import { moveAlias } from '#models/aliases.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion } from '#models/versions.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

function serve(...args: string[]) {
  return spawn(process.execPath, ['--import', './setup/typescript.mjs', 'cli/cifar10.ts', 'serve', ...args], {
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

test('stops within seconds while clients hold their connections, and answers every request that it took', () =>
  withFolder(async (folder) => {
    const store = folderStore(folder);
    const to = await publishVersion(store, await exampleModel());
    await moveAlias(store, 'production', { to, by: 'a test', expected: undefined });
    const child = serve('--store', folder, '--port', '0', '--json');
    const log = text(child.stderr);
    const agent = new Agent({ keepAlive: true });
    let answers = 0;
    try {
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
      const [url, port] = /http:\/\/127\.0\.0\.1:(\d+)$/.exec((await lines.next()).value) ?? [];
      expect((await lines.next()).value).toBe(`Serving ${to}: cifar10, 10 classes, pictures of 32x32 (crop)`);
      const unused = connect(Number(port), '127.0.0.1').on('error', () => {});
      const half = connect(Number(port), '127.0.0.1').on('error', () => {});
      await Promise.all([once(unused, 'connect'), once(half, 'connect')]);
      half.write('POST /classify HTTP/1.1\r\nHost: here\r\nContent-Length: 3072\r\n\r\nhalf');
      const askers = Array.from({ length: 4 }, () => askUntilRefused(`${url}/classify`, agent, () => answers++));
      await expect.poll(() => answers).toBeGreaterThan(4);
      child.kill('SIGTERM');
      expect(await Promise.race([once(child, 'exit'), sleep(15_000, 'still there', { ref: false })])).toEqual([
        0,
        null,
      ]);
      await Promise.all(askers);
    } finally {
      child.kill('SIGKILL');
    }
    const taken = (await log).split('\n').filter((line) => line.includes('"status":200'));
    expect(taken).toHaveLength(answers);
  }));

/** Asks without a pause, by pictures that come in two pieces, until nobody takes a request any more. */
async function askUntilRefused(url: string, agent: Agent, answered: () => void): Promise<void> {
  try {
    for (;;) {
      const asking = request(url, { method: 'POST', agent });
      asking.write(examplePixels(1).subarray(0, 1000));
      setTimeout(() => asking.end(examplePixels(1).subarray(1000)), 5);
      const [response] = await once(asking, 'response');
      await text(response);
      answered();
    }
  } catch {
    // Refused.
  }
}

test('a port that is taken is an error with a remedy', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  try {
    const child = serve('--port', String(port));
    const [errors, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(code).toBe(1);
    expect(errors).toContain(`Port ${port} is in use`);
    expect(errors).toContain('--port');
  } finally {
    other.close();
  }
});
