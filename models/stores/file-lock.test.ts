import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFileLock } from './file-lock.ts';
import { folderStore } from './folder-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A process that raises the counter in `folder`, and prints a dot each time that it has. */
function raiser(times: number): { readonly child: ChildProcess; readonly printed: () => number } {
  const program = `
    import { folderStore } from ${JSON.stringify(new URL('./folder-store.ts', import.meta.url).href)};
    const store = folderStore(${JSON.stringify(folder)});
    for (let raised = 0; raised < ${times}; ) {
      const { body, etag } = await store.get('counter');
      try {
        await store.put('counter', Buffer.from(String(Number(Buffer.from(body).toString()) + 1)), { only: { ifMatch: etag } });
      } catch (error) {
        if (error.name !== 'WriteConflict') throw error;
        continue;
      }
      raised++;
      process.stdout.write('.');
    }`;
  const child = spawn(process.execPath, ['--import', './setup/typescript.mjs', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = 0;
  child.stdout?.on('data', (dots: Buffer) => {
    printed += dots.length;
  });
  return { child, printed: () => printed };
}

describe('the lock of a folder', () => {
  it('of a dead process is taken over by one after the other, never by two', async () => {
    const lock = join(folder, '.counter.lock');
    await writeFile(lock, `${spawnSync(process.execPath, ['-e', '']).pid} ${hostname()} 0123456789ab`);
    let [inside, most, done] = [0, 0, 0];
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside--;
      done++;
    };
    await Promise.all(Array.from({ length: 8 }, () => withFileLock(lock, work)));
    expect({ most, done }).toEqual({ most: 1, done: 8 });
    expect(await readdir(folder)).toEqual([]);
  });

  it('lets processes raise a counter together, one of which is killed on the way', async () => {
    const store = folderStore(folder);
    await store.put('counter', Buffer.from('0'));
    const victim = raiser(1_000_000);
    const others = [raiser(25), raiser(25)];
    const ends = others.map(async ({ child }) => (await once(child, 'close'))[0]);
    const end = once(victim.child, 'close');
    while (victim.printed() < 5 && victim.child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 5));
    victim.child.kill('SIGKILL');
    expect(await Promise.all(ends)).toEqual([0, 0]);
    await end;
    const counter = Number(Buffer.from((await store.get('counter'))?.body ?? []).toString());
    // The victim may have been killed between its last rise and its dot.
    expect([50, 51].map((rises) => rises + victim.printed())).toContain(counter);
  });
});
