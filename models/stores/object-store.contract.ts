import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MissingPart, type ObjectStore, WriteConflict } from './object-store.ts';

/**
 * What every object store does; each of them runs this.
 *
 * @param open a store with nothing in it
 */
export function describeObjectStore(name: string, open: () => Promise<DisposableStore>): void {
  describe(`${name} is an object store`, () => {
    let opened: DisposableStore;
    let store: ObjectStore;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    it('gives back what was put, byte by byte', async () => {
      const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value);
      await store.put('models/a/weights.bin', everyByte);
      expect(await bytesOf(store, 'models/a/weights.bin')).toEqual([...everyByte]);
      expect(Object.getPrototypeOf((await store.get('models/a/weights.bin'))?.body)).toBe(Uint8Array.prototype);
      await store.put('models/a/empty', new Uint8Array());
      expect((await store.get('models/a/empty'))?.body).toHaveLength(0);
    });

    it('has nothing where nothing was put', async () => {
      await store.put('models/a/card.json', bytes('{}'));
      for (const key of ['other', 'models', 'models/a', 'models/b/card.json', 'models/a/card.json/deeper']) {
        expect(await store.get(key), key).toBeUndefined();
      }
    });

    it('changes the entity tag with the object, and gives the same one to the writer and the reader', async () => {
      const first = await store.put('alias', bytes('1'));
      expect((await store.get('alias'))?.etag).toBe(first);
      const second = await store.put('alias', bytes('2'));
      expect(second).not.toBe(first);
      expect((await store.get('alias'))?.etag).toBe(second);
    });

    it('writes only where there was nothing', async () => {
      await store.put('run', bytes('first'), { only: 'absent' });
      await expect(store.put('run', bytes('second'), { only: 'absent' })).rejects.toThrow(WriteConflict);
      expect(await text(store, 'run')).toBe('first');
    });

    it('writes only over what was read', async () => {
      const first = await store.put('alias', bytes('1'));
      const second = await store.put('alias', bytes('2'), { only: { ifMatch: first } });
      await expect(store.put('alias', bytes('lost'), { only: { ifMatch: first } })).rejects.toThrow(WriteConflict);
      expect(await text(store, 'alias')).toBe('2');
      await store.delete('alias');
      await expect(store.put('alias', bytes('lost'), { only: { ifMatch: second } })).rejects.toThrow(WriteConflict);
      expect(await store.get('alias')).toBeUndefined();
    });

    it('lets exactly one of many writers win, whether the object is new or read', async () => {
      const writers = Array.from({ length: 8 }, (_, writer) => `writer ${writer}`);
      let only: 'absent' | { ifMatch: string } = 'absent';
      for (let round = 0; round < 3; round++) {
        const results = await Promise.allSettled(
          writers.map((writer) => store.put('alias', bytes(`${writer}, round ${round}`), { only })),
        );
        const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [index] : []));
        expect(winners).toHaveLength(1);
        for (const result of results)
          if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(WriteConflict);
        expect(await text(store, 'alias')).toBe(`writer ${winners[0]}, round ${round}`);
        only = { ifMatch: (await store.get('alias'))?.etag ?? '' };
      }
    });

    it('loses no increment of a counter that many raise at once', async () => {
      await store.put('counter', bytes('0'));
      const raise = async (): Promise<void> => {
        const read = await store.get('counter');
        const next = bytes(String(Number(Buffer.from(read?.body ?? []).toString()) + 1));
        await store.put('counter', next, { only: { ifMatch: read?.etag ?? '' } }).catch((error: unknown) => {
          if (error instanceof WriteConflict) return raise();
          throw error;
        });
      };
      await Promise.all(Array.from({ length: 6 }, raise));
      expect(await text(store, 'counter')).toBe('6');
    });

    it('shows a reader the old object or the new one, never a part', async () => {
      const versions = ['a', 'b'].map((letter) => bytes(letter.repeat(200_000)));
      await store.put('weights', versions[0]!);
      const write = async (): Promise<void> => {
        for (let round = 1; round <= 6; round++) await store.put('weights', versions[round % 2]!);
      };
      const read = async (): Promise<void> => {
        for (let round = 0; round < 12; round++) {
          const seen = await text(store, 'weights');
          expect([seen.length, new Set(seen).size]).toEqual([200_000, 1]);
        }
      };
      await Promise.all([write(), read()]);
    });

    it('lists by prefix, in the order of the keys, with sizes and times', async () => {
      const keys = ['runs/a/x', 'runs/a-b/x', 'runs/a/y/z', 'runs/aa', 'models/A', 'models/b', 'runs-old'];
      for (const key of keys) await store.put(key, bytes(key));
      expect(await listed(store, '')).toEqual(keys.toSorted());
      expect(await listed(store, 'runs/')).toEqual(['runs/a-b/x', 'runs/a/x', 'runs/a/y/z', 'runs/aa']);
      expect(await listed(store, 'runs/a/')).toEqual(['runs/a/x', 'runs/a/y/z']);
      expect(await listed(store, 'runs/aa')).toEqual(['runs/aa']);
      expect(await listed(store, 'runs')).toHaveLength(5);
      expect(await listed(store, 'none/')).toEqual([]);
      for await (const { size, modified } of store.list('models/b')) {
        expect(size).toBe(8);
        expect(Math.abs(Date.now() - modified.getTime())).toBeLessThan(24 * 3600 * 1000);
      }
    });

    it('makes one object of the contents of others, whole or not at all', async () => {
      const large = new Uint8Array(Buffer.alloc(9 * 2 ** 20, 'many rows\n'));
      await store.put('rows/a', bytes('a\n'));
      await store.put('rows/empty', new Uint8Array());
      await store.put('rows/large', large);
      const a = { key: 'rows/a', size: 2 };
      const big = { key: 'rows/large', size: large.length };
      const empty = { key: 'rows/empty', size: 0 };
      for (const parts of [[bytes('head\n'), a, empty], [big, a, a], [a, big, bytes('end\n')], [], [big, big, empty]]) {
        const contents = parts.map((part) => (part === a ? bytes('a\n') : part === big ? large : part));
        const whole = Buffer.concat(contents.map((part) => (part instanceof Uint8Array ? part : new Uint8Array())));
        const etag = await store.concatenate('all', parts);
        const found = await store.get('all');
        expect(Buffer.compare(found?.body ?? new Uint8Array(1), whole)).toBe(0);
        expect(found?.etag).toBe(etag);
        await expect(store.concatenate('all', parts, { only: 'absent' })).rejects.toThrow(WriteConflict);
        await store.delete('all');
        for (const missing of [
          { key: 'rows/none', size: 3 },
          { key: 'rows/none', size: big.size },
          { ...a, size: 3 },
          { ...big, size: big.size + 1 },
        ]) {
          await expect(store.concatenate('all', [...parts, missing], { only: 'absent' })).rejects.toThrow(MissingPart);
        }
        const signal = AbortSignal.abort('SIGTERM');
        if (parts.length > 0) await expect(store.concatenate('all', parts, { signal })).rejects.toBe('SIGTERM');
        expect(await store.get('all')).toBeUndefined();
      }
      expect(await listed(store, 'a')).toEqual([]);
    });

    it('forgets what was deleted, and does not mind deleting nothing', async () => {
      await store.put('runs/a/x', bytes('x'));
      await store.delete('runs/a/x');
      await store.delete('runs/a/x');
      await store.delete('never/there');
      expect(await store.get('runs/a/x')).toBeUndefined();
      expect(await listed(store, '')).toEqual([]);
    });

    it('refuses a key that a folder could not have, or that leads out of it', async () => {
      const outside = ['/etc/passwd', '../outside', 'a/../../b', './a'];
      for (const key of [...outside, '', 'a//b', 'a/', '.hidden', 'a/.b', 'a\\b', 'a\0b', 'a b', 'ä']) {
        await expect(store.get(key), key).rejects.toThrow(RangeError);
        await expect(store.put(key, bytes('')), key).rejects.toThrow(RangeError);
        await expect(store.delete(key), key).rejects.toThrow(RangeError);
      }
    });

    it('refuses a prefix that no key has', async () => {
      for (const prefix of ['../', '/', 'a//', '.']) {
        await expect(listed(store, prefix), prefix).rejects.toThrow(RangeError);
      }
    });
  });
}

export interface DisposableStore {
  readonly store: ObjectStore;
  dispose(): Promise<void>;
}

function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

async function text(store: ObjectStore, key: string): Promise<string> {
  return Buffer.from((await store.get(key))?.body ?? []).toString();
}

async function bytesOf(store: ObjectStore, key: string): Promise<number[]> {
  return [...((await store.get(key))?.body ?? [])];
}

async function listed(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}
