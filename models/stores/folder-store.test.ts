import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeModelStore } from '../model-store.contract.ts';
import { folderStore } from './folder-store.ts';
import { type DisposableStore, describeObjectStore } from './object-store.contract.ts';

async function openFolderStore(): Promise<DisposableStore & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'folder-store-'));
  return { store: folderStore(folder), folder, dispose: () => rm(folder, { recursive: true }) };
}

describeObjectStore('a folder', openFolderStore);
describeModelStore('a folder', openFolderStore);

describe('a folder', () => {
  let opened: Awaited<ReturnType<typeof openFolderStore>>;
  beforeEach(async () => {
    opened = await openFolderStore();
  });
  afterEach(() => opened.dispose());

  it('keeps each object as a plain file, and nothing else once a write is over', async () => {
    const { store, folder } = opened;
    const etag = await store.put('aliases/production.json', Buffer.from('1'), { only: 'absent' });
    await store.put('aliases/production.json', Buffer.from('2'), { only: { ifMatch: etag } });
    await expect(store.put('aliases/production.json', Buffer.from('3'), { only: 'absent' })).rejects.toThrow();
    expect(await readdir(join(folder, 'aliases'))).toEqual(['production.json']);
  });

  it('does not list what a dead writer left behind', async () => {
    const { store, folder } = opened;
    await store.put('runs/a', Buffer.from('a'));
    await writeFile(join(folder, 'runs', '.a.0123456789ab.draft'), 'half of');
    const keys = [];
    for await (const { key } of store.list('')) keys.push(key);
    expect(keys).toEqual(['runs/a']);
  });

  it('removes what a dead writer left behind an hour ago, and nothing that somebody may be writing', async () => {
    const { store, folder } = opened;
    await store.put('runs/a', Buffer.from('a'));
    const [old, young] = ['.b.0123456789ab.draft', '.c.0123456789ab.draft'];
    for (const name of [old, young, '.b.draft']) await writeFile(join(folder, 'runs', name), 'half of');
    const before = new Date(Date.now() - 3_700_000);
    for (const name of [old, '.b.draft', 'a']) await utimes(join(folder, 'runs', name), before, before);
    await store.put('runs/d', Buffer.from('d'));
    expect(await readdir(join(folder, 'runs'))).toEqual(['.b.draft', young, 'a', 'd']);
  });

  it('takes over the lock of a dead process, once for all who wait', async () => {
    const { store, folder } = opened;
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    for (let round = 0; round < 3; round++) {
      await writeFile(join(folder, '.counter.lock'), `${dead} ${hostname()} ${String(round).padStart(12, '0')}`);
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, () => store.put('counter', Buffer.from([round]), { only: 'absent' })),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await readdir(folder)).toEqual(['counter']);
      await store.delete('counter');
    }
  });

  it('takes over the lock of a waiter that died while taking over a lock', async () => {
    const { store, folder } = opened;
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    await writeFile(join(folder, '.counter.lock'), `${dead} ${hostname()} 0123456789ab`);
    await writeFile(join(folder, '.counter.lock.0123456789ab.break'), `${dead} ${hostname()} ba9876543210`);
    await store.put('counter', Buffer.from('1'));
    expect(await readdir(folder)).toEqual(['counter']);
  });

  it('waits for the lock of a living process', async () => {
    const { store, folder } = opened;
    const lock = join(folder, '.counter.lock');
    await writeFile(lock, `${process.pid} ${hostname()} 0123456789ab`);
    let isWritten = false;
    const put = store.put('counter', Buffer.from('1')).then(() => {
      isWritten = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isWritten).toBe(false);
    await rm(lock);
    await put;
    expect((await stat(join(folder, 'counter'))).size).toBe(1);
  });
});
