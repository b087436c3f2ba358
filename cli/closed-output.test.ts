import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { withFolder } from '#inference/app.fixture.ts';
import { hasTensorFlow } from '#training/engine/tensorflow.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const env = { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1' };
const command = ['--import', './setup/typescript.mjs', 'cli/cifar10.ts'];

/** Both outputs are pipes, as after `2>&1 |`. */
function start(words: readonly string[], variables: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [...command, ...words], {
    cwd: root,
    env: { ...env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Reads one line and goes, as `head -1` does. */
async function head({ stdout, stderr }: ChildProcess): Promise<string> {
  const lines = createInterface(stdout!);
  const [line] = await once(lines, 'line');
  lines.close();
  stdout!.destroy();
  stderr!.destroy();
  return line;
}

test.skipIf(!hasTensorFlow())('a training continues when nobody reads its output any more', { timeout: 240_000 }, () =>
  withFolder(async (folder) => {
    const settings = ['engine=tensorflow', 'batchSize=256', 'epochs=5', 'checkpointSeconds=0'];
    const child = start([
      ...['train', 'tiny', '--json', '--out', folder, '--run', 'unread'],
      ...settings.flatMap((setting) => ['--set', setting]),
    ]);
    const ended = once(child, 'exit');
    try {
      expect(JSON.parse(await head(child))).toMatchObject({ type: 'started' });
      const checkpoints = join(folder, 'runs/unread/checkpoints');
      const latest = async () => {
        const files = await readdir(checkpoints).catch(() => []);
        return Math.max(0, ...files.map((file) => Number.parseInt(file, 10) || 0));
      };
      await expect.poll(latest, { timeout: 200_000, interval: 200 }).toBeGreaterThan(2);
      child.kill('SIGTERM');
      expect(await ended).toEqual([75, null]);
    } finally {
      child.kill('SIGKILL');
    }
  }),
);

test('a server continues when nobody reads its output any more', () =>
  withFolder(async (folder) => {
    const child = start(['serve', '--store', folder, '--port', '0', '--host', '[::1]'], { CIFAR10_HOME: folder });
    const ended = once(child, 'exit');
    try {
      const [url] = /http:\S+/.exec(await head(child)) ?? [];
      for (let request = 0; request < 3; request++) {
        const live = await fetch(`${url}/health/live`);
        expect(live.status).toBe(200);
        await live.text();
      }
      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  }));

test('a command that only prints ends quietly, and says when its output is lost', async () => {
  const shell = (script: string) => {
    const child = spawn('bash', ['-c', `${script}; echo "\${PIPESTATUS[0]}" >&2`, process.execPath, ...command], {
      cwd: root,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return text(child.stderr);
  };
  const [unread, lost] = await Promise.all([
    shell('"$0" "$@" train --help | head -1'),
    process.platform === 'linux' ? shell('"$0" "$@" cost > /dev/full') : undefined,
  ]);
  expect(unread).toBe('0\n');
  if (lost !== undefined) expect(lost).toMatch(/^error Standard output could not be written: the disk is full.*\n1\n$/);
});
