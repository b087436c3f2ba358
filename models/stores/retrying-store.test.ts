import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { folderStore } from './folder-store.ts';
import { describeObjectStore } from './object-store.contract.ts';
import { type ObjectStore, WriteConflict } from './object-store.ts';
import { retryingStore, StoreUnavailable } from './retrying-store.ts';

const waits = [0.01, 0.01];

describeObjectStore('a retrying store', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'retrying-store-'));
  return { store: retryingStore(folderStore(folder), { waits }), dispose: () => rm(folder, { recursive: true }) };
});

describe('a retrying store', () => {
  let folder: string;
  let store: ObjectStore;
  /** Errors in place of the answers of successful calls. */
  let lost: Error[];
  let calls: number;
  let retrying: ObjectStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'retrying-store-'));
    store = folderStore(folder);
    [lost, calls] = [[], 0];
    const answering = async <Answer>(answer: Promise<Answer>) => {
      const done = await answer;
      calls++;
      if (lost.length > 0) throw lost.shift();
      return done;
    };
    retrying = retryingStore(
      {
        ...store,
        get: (key) => answering(store.get(key)),
        put: (key, body, options) => answering(store.put(key, body, options)),
      },
      { waits },
    );
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('retries a failed call, as often as it is told to', async () => {
    await store.put('a', Buffer.from('1'));
    lost = [new Error('ECONNRESET'), new Error('ECONNRESET')];
    expect(Buffer.from((await retrying.get('a'))!.body).toString()).toBe('1');
    expect(calls).toBe(3);
    lost = [1, 2, 3].map((number) => new Error(`trouble ${number}`));
    const refused = retrying.get('a');
    await expect(refused).rejects.toThrow(StoreUnavailable);
    await expect(refused).rejects.toThrow(`${store.url} is unavailable (trouble 3).`);
  });

  it('ends a long wait with the signal, after one more try', async () => {
    let tries = 0;
    const unreachable = {
      ...store,
      get: async () => {
        tries++;
        throw new Error('ECONNREFUSED');
      },
    };
    const ending = new AbortController();
    const patient = retryingStore(unreachable, { waits: [60, 60], signal: ending.signal });
    const waiting = patient.get('a');
    setTimeout(() => ending.abort('SIGTERM'), 20);
    await expect(waiting).rejects.toThrow(StoreUnavailable);
    expect(tries).toBe(2);
  });

  it('recognises its own write when the answer was lost', async () => {
    lost = [new Error('ECONNRESET')];
    const etag = await retrying.put('a', Buffer.from('1'), { only: 'absent' });
    expect((await store.get('a'))?.etag).toBe(etag);
    lost = [new Error('ECONNRESET')];
    await retrying.put('a', Buffer.from('2'), { only: { ifMatch: etag } });
    expect(Buffer.from((await store.get('a'))!.body).toString()).toBe('2');
  });

  it('does not mistake the write of another for its own, and does not wait', async () => {
    await store.put('a', Buffer.from('1'));
    await expect(retrying.put('a', Buffer.from('2'), { only: 'absent' })).rejects.toThrow(WriteConflict);
    expect(calls).toBe(0);
  });

  it('lists each object once where a listing breaks off, and no further than is asked for', async () => {
    const keys = ['a', 'b', 'c', 'd'];
    for (const key of keys) await store.put(key, Buffer.from(key));
    let given = 0;
    const breaking: ObjectStore = {
      ...store,
      async *list(prefix) {
        for await (const object of store.list(prefix)) {
          given++;
          yield object;
          if (object.key === 'b' && given === 2) throw new Error('ECONNRESET');
        }
      },
    };
    const found: string[] = [];
    for await (const { key } of retryingStore(breaking, { waits }).list('')) found.push(key);
    expect(found).toEqual(keys);
    given = 0;
    for await (const { key } of retryingStore(breaking, { waits }).list('')) if (key === 'a') break;
    expect(given).toBe(1);
  });

  it('does not retry what a person has to fix', async () => {
    lost = [new UserError('There is no bucket b. Create it.')];
    const refused = retrying.get('a');
    await expect(refused).rejects.toThrow(StoreUnavailable);
    await expect(refused).rejects.toThrow('There is no bucket b. Create it.');
    expect(calls).toBe(1);
  });
});
