import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { AliasMoved, listAliases, moveAlias, planRollback, readAlias, resolveVersion, rollback } from './aliases.ts';
import type { Card } from './card.ts';
import { damagesOf, flipped } from './damage.ts';
import { cifar10Data } from './data-identity.ts';
import { deleteVersion, VersionInUse } from './delete-version.ts';
import { exampleCard, exampleVersion, predictExample } from './example-version.ts';
import { deleteGarbage } from './garbage/delete-garbage.ts';
import { findGarbage } from './garbage/find-garbage.ts';
import { type Evaluate, PromotionRefused, promote } from './gate.ts';
import { encodeJson } from './json.ts';
import { type CheckpointTag, DamagedCheckpoints, readCheckpoint, writeCheckpoint } from './run-checkpoints.ts';
import { latestEvents, openEventLog, readEvents } from './run-events.ts';
import { beginRun, writeResult } from './runs.ts';
import { interruptedAtPut, Killed } from './stores/interrupted-store.ts';
import type { DisposableStore } from './stores/object-store.contract.ts';
import type { ObjectStore } from './stores/object-store.ts';
import { whileUsing } from './version-uses.ts';
import { DamagedVersion, listVersions, publishVersion, readCard, readVersion, UnknownVersion } from './versions.ts';

/**
 * The guarantees that training and serving rely on, tested with each object store.
 *
 * @param open a store with nothing in it
 */
export function describeModelStore(name: string, open: () => Promise<DisposableStore>): void {
  describe(`models in ${name}`, () => {
    let opened: DisposableStore;
    let store: ObjectStore;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    describe('versions', () => {
      it('are read as they were published', async () => {
        const files = exampleVersion();
        const id = await publishVersion(store, files);
        expect(id).toMatch(/^20261123-0412-[0-9a-f]{8}$/);
        const version = await readVersion(store, id);
        expect(version.card.accuracy.plain).toBe(0.8);
        expect(version.golden.images).toHaveLength(3);
        for (const [path, body] of files) expect([...version.file(path)]).toEqual([...body]);
        expect(version.manifest.files.map(({ path }) => path)).toEqual([...files.keys()].sort());
      });

      it('are invisible until the last byte is there, and complete when published again', async () => {
        const files = exampleVersion();
        for (let puts = 0; puts <= files.size; puts++) {
          await expect(publishVersion(interruptedAtPut(store, puts), files)).rejects.toThrow(Killed);
          expect(await listVersions(store)).toEqual([]);
        }
        const partial = (await keysOf(store, 'models/'))[0]?.split('/')[1] ?? '';
        await expect(readVersion(store, partial)).rejects.toThrow('its upload or deletion was interrupted');
        await expect(moveAlias(store, 'candidate', { to: partial, by: 'test', expected: undefined })).rejects.toThrow(
          UnknownVersion,
        );
        expect(await publishVersion(store, files)).toBe(partial);
        expect(await listVersions(store)).toEqual([partial]);
        await readVersion(store, partial);
      });

      it('are refused if a byte of any file was changed, by the name of the file', async () => {
        const files = exampleVersion();
        const id = await publishVersion(store, files);
        for (const path of [...files.keys(), 'manifest.json']) {
          const key = `models/${id}/${path}`;
          const intact = (await store.get(key))?.body ?? new Uint8Array();
          const tampered = intact.slice();
          const at = path === 'manifest.json' ? Buffer.from(intact).indexOf('"sha256": "') + 11 : intact.length >> 1;
          tampered[at] = tampered[at] === 0x30 ? 0x31 : 0x30;
          await store.put(key, tampered);
          const refused = await readVersion(store, id).catch((error: unknown) => error);
          expect(refused, path).toBeInstanceOf(DamagedVersion);
          expect(refused).toMatchObject({ key });
          expect(String(refused)).toContain(`${key} in ${store.url} was changed`);
          await store.put(key, intact);
        }
        await readVersion(store, id);
      });

      it('are refused if a file is missing, by its name', async () => {
        const files = exampleVersion();
        const id = await publishVersion(store, files);
        await store.delete(`models/${id}/report/curves.svg`);
        await expect(readVersion(store, id)).rejects.toThrow(
          `models/${id}/report/curves.svg in ${store.url} is missing`,
        );
        const served = await readVersion(store, id, { only: ['model.json', 'weights.bin'] });
        expect(served.file('weights.bin')).toHaveLength(24);
        expect(() => served.file('report/curves.svg')).toThrow(RangeError);
        await store.delete(`models/${id}/card.json`);
        await expect(readCard(store, id)).rejects.toThrow(`models/${id}/card.json in ${store.url} is missing`);
      });

      it('are not served under the id of another', async () => {
        const id = await publishVersion(store, exampleVersion());
        const other = id.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
        for (const key of await keysOf(store, `models/${id}/`)) {
          await store.put(key.replace(id, other), (await store.get(key))?.body ?? new Uint8Array());
        }
        await expect(readVersion(store, other)).rejects.toThrow(DamagedVersion);
      });

      it('are not published without what a version needs', async () => {
        for (const path of ['model.json', 'weights.bin', 'card.json', 'golden.json']) {
          const files = exampleVersion();
          files.delete(path);
          await expect(publishVersion(store, files)).rejects.toThrow(`${path} is malformed: a version must have it`);
        }
        const named = (path: string) => new Map([...exampleVersion(), [path, new Uint8Array()]]);
        await expect(publishVersion(store, named('manifest.json'))).rejects.toThrow('cannot have a file of this name');
        await expect(publishVersion(store, named('../../aliases/production.json'))).rejects.toThrow('cannot have');
        expect(await keysOf(store, '')).toEqual([]);
      });

      it('are listed with the newest first', async () => {
        const ids = [];
        for (const createdAt of ['2026-01-02T10:00:00Z', '2026-11-02T09:00:00Z', '2025-12-31T23:59:00Z']) {
          ids.push(await publishVersion(store, exampleVersion({ createdAt })));
        }
        expect(await listVersions(store)).toEqual([ids[1], ids[0], ids[2]]);
      });

      it('that do not exist are reported as such', async () => {
        for (const version of ['20261123-0412-a1b2c3d4', '../aliases', '', 'production']) {
          await expect(readVersion(store, version), version).rejects.toThrow(UnknownVersion);
          await expect(resolveVersion(store, version).then((id) => readCard(store, id))).rejects.toThrow(
            UnknownVersion,
          );
        }
      });
    });

    describe('deleting a version', () => {
      it('removes all of it, and nothing else', async () => {
        const [id, other] = [
          await publishVersion(store, exampleVersion()),
          await publishVersion(store, exampleVersion({ plain: 0.7 })),
        ];
        const before = await keysOf(store, `models/${other}/`);
        expect(await deleteVersion(store, id)).toBe(exampleVersion().size + 1);
        expect(await keysOf(store, 'models/')).toEqual(before);
        await expect(deleteVersion(store, id)).rejects.toThrow(UnknownVersion);
        await expect(deleteVersion(store, 'production')).rejects.toThrow(UnknownVersion);
        await expect(deleteVersion(store, '')).rejects.toThrow(UnknownVersion);
        expect(await publishVersion(store, exampleVersion())).toBe(id);
        await readVersion(store, id);
      });

      it('leaves nothing that looks like a version when it is killed, and is completed by the next one', async () => {
        const objects = exampleVersion().size + 1;
        for (let deletions = 1; deletions < objects; deletions++) {
          const id = await publishVersion(store, exampleVersion());
          let left = deletions;
          const killed: ObjectStore = {
            ...store,
            delete: async (key) => {
              if (left-- === 0) throw new Killed();
              await store.delete(key);
            },
          };
          await expect(deleteVersion(killed, id)).rejects.toThrow(Killed);
          expect(await listVersions(store)).toEqual([]);
          await expect(readVersion(store, id)).rejects.toThrow('deletion was interrupted');
          await deleteVersion(store, id);
          expect(await keysOf(store, 'models/')).toEqual([]);
        }
      });

      it('is refused while an alias points to it, also one that was moved in the meantime', async () => {
        const id = await publishVersion(store, exampleVersion());
        const other = await publishVersion(store, exampleVersion({ plain: 0.7 }));
        await moveAlias(store, 'production', { to: other, by: 'ada', expected: undefined });
        let isMoved = false;
        const racing: ObjectStore = {
          ...store,
          put: async (key, body, options) => {
            if (key === `models/uses/${id}.json` && !isMoved) {
              isMoved = true;
              await moveAlias(store, 'candidate', { to: id, by: 'run a', expected: undefined });
            }
            return store.put(key, body, options);
          },
        };
        await expect(deleteVersion(racing, id)).rejects.toThrow(`candidate points to ${id}, so it was not deleted`);
        await readVersion(store, id);
        await expect(deleteVersion(store, id)).rejects.toThrow(VersionInUse);
        await readVersion(store, id);
      });
    });

    describe('collecting garbage', () => {
      it('leaves what an alias, a use, a run or a version that stays refers to, and takes the rest', async () => {
        const [first, second, third, fourth] = [
          await publishVersion(store, exampleVersion({ plain: 0.8 })),
          await publishVersion(store, exampleVersion({ plain: 0.81 })),
          await publishVersion(store, exampleVersion({ plain: 0.82 })),
          await publishVersion(store, exampleVersion({ plain: 0.83 })),
        ];
        const set = await moveAlias(store, 'canary', { to: first, by: 'ada', expected: undefined });
        await moveAlias(store, 'canary', { to: second, by: 'ada', expected: set });
        const run = { recipe: 'quick', seed: 7, data: cifar10Data, settings: {}, parent: { version: third } };
        await beginRun(store, 'a', run);
        const found = await findGarbage(store);
        expect(found.versions.map(({ version }) => version)).toEqual([fourth]);
        await whileUsing(store, [fourth], 'bob', async () => {
          const { spared } = await deleteGarbage(store, found);
          expect(spared).toEqual([{ version: fourth, why: expect.stringContaining(`bob began to use ${fourth}`) }]);
          expect((await findGarbage(store)).versions).toEqual([]);
        });
        expect((await deleteGarbage(store, found)).spared).toMatchObject([{ version: fourth }]); // Used since it was found.
        expect((await deleteGarbage(store, await findGarbage(store))).versions).toMatchObject([{ version: fourth }]);
        expect((await listVersions(store)).toSorted()).toEqual([first, second, third].toSorted());
        const late = moveAlias(store, 'production', { to: fourth, by: 'bob', expected: undefined });
        await expect(late).rejects.toThrow(UnknownVersion);
        expect(await readAlias(store, 'production')).toBeUndefined();
      });
    });

    describe('an alias', () => {
      let first: string;
      let second: string;
      beforeEach(async () => {
        first = await publishVersion(store, exampleVersion({ plain: 0.8 }));
        second = await publishVersion(store, exampleVersion({ plain: 0.81 }));
      });

      it('remembers who moved it, why, and from where', async () => {
        const set = await moveAlias(store, 'candidate', { to: first, by: 'run a', expected: undefined });
        const moved = await moveAlias(store, 'candidate', { to: second, by: 'run b', reason: 'better', expected: set });
        expect(moved).toMatchObject({ version: second, previous: first, by: 'run b', reason: 'better' });
        expect(await readAlias(store, 'candidate')).toEqual(moved);
        expect(await resolveVersion(store, 'candidate')).toBe(second);
        expect([...(await listAliases(store)).keys()]).toEqual(['candidate']);
      });

      it('is moved by one of two writers; the other learns who was first', async () => {
        const expected = await moveAlias(store, 'production', { to: first, by: 'ada', expected: undefined });
        const third = await publishVersion(store, exampleVersion({ plain: 0.82 }));
        const moves = await Promise.allSettled([
          moveAlias(store, 'production', { to: second, by: 'ada', expected }),
          moveAlias(store, 'production', { to: third, by: 'bob', expected }),
        ]);
        const won = moves.findIndex(({ status }) => status === 'fulfilled');
        const lost = moves[1 - won] as PromiseRejectedResult;
        expect(moves.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
        expect(lost.reason).toBeInstanceOf(AliasMoved);
        expect(String(lost.reason)).toContain(`moved to ${[second, third][won]} by ${['ada', 'bob'][won]}`);
        expect(await readAlias(store, 'production')).toMatchObject({ version: [second, third][won], previous: first });
      });

      it('is set by one of two writers where there was none', async () => {
        const moves = await Promise.allSettled(
          [first, second].map((to) => moveAlias(store, 'production', { to, by: 'test', expected: undefined })),
        );
        expect(moves.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      });

      /** Promotes without a look at the accuracy. */
      const moveTo = async (to: string, isOverride = false) =>
        moveAlias(store, 'production', { to, by: 'ada', isOverride, expected: await readAlias(store, 'production') });
      const rollBack = async (reason?: string) => rollback(store, 'production', { by: 'bob', reason });

      it('is rolled back through what it pointed to, and never to what a rollback has left', async () => {
        await expect(rollBack()).rejects.toThrow('no version yet');
        await moveTo(first);
        await expect(rollBack()).rejects.toThrow('no earlier version to roll back to');
        await moveTo(second);
        const third = await publishVersion(store, exampleVersion({ plain: 0.82 }));
        const { at } = await moveTo(third);
        expect((await planRollback(store, 'production')).to).toMatchObject({ version: second, by: 'ada' });
        const moved = { version: second, previous: third, by: 'bob', reason: 'cats' };
        expect(await rollBack('cats')).toMatchObject(moved);
        expect(Date.parse((await readAlias(store, 'production'))!.at)).toBeGreaterThanOrEqual(Date.parse(at));
        expect(await rollBack()).toMatchObject({ version: first, previous: second, reason: 'rollback' });
        await expect(rollBack()).rejects.toThrow('no earlier version to roll back to');
        await moveTo(third);
        expect((await rollBack()).version).toBe(first);
      });

      it('is not rolled back to what an override promoted, was deleted, or is damaged', async () => {
        const others = [];
        for (const plain of [0.82, 0.83, 0.84]) others.push(await publishVersion(store, exampleVersion({ plain })));
        const [forced, deleted, last] = others as [string, string, string];
        for (const version of [first, second]) await moveTo(version);
        await moveTo(forced, true);
        for (const version of [deleted, last]) await moveTo(version);
        await store.delete(`models/${deleted}/manifest.json`);
        await store.put(`models/${second}/card.json`, new TextEncoder().encode('{}'));
        const { to, passed } = await planRollback(store, 'production');
        expect(to.version).toBe(first);
        expect(passed).toEqual([
          { version: deleted, why: expect.stringContaining('deleted') },
          { version: forced, why: expect.stringContaining('override') },
          { version: second, why: expect.stringContaining('damaged') },
        ]);
        expect((await rollBack()).version).toBe(first);
        await expect(rollBack()).rejects.toThrow('no earlier version');
      });

      it('is not rolled back if it was moved since the rollback was planned', async () => {
        for (const version of [first, second]) await moveTo(version);
        const plan = await planRollback(store, 'production');
        const third = await publishVersion(store, exampleVersion({ plain: 0.82 }));
        await moveTo(third);
        await expect(rollback(store, 'production', { by: 'bob', plan })).rejects.toThrow(AliasMoved);
        expect((await readAlias(store, 'production'))?.version).toBe(third);
      });

      it('that an earlier release moved is read, and rolled back only to what that release had not left', async () => {
        const older = { version: second, previous: first, by: 'ada', at: '2026-11-23T04:12:30.000Z' };
        const put = (alias: object) => store.put('aliases/production.json', encodeJson(alias));
        await put({ ...older, reason: null });
        expect((await readAlias(store, 'production'))?.version).toBe(second);
        expect((await rollBack()).version).toBe(first);
        await put({ ...older, reason: 'rollback' });
        await expect(rollBack()).rejects.toThrow('no earlier version to roll back to');
        await put({ ...older, reason: 'small (override: plain test accuracy 75.00 % after 80.00 %)' });
        await moveTo(await publishVersion(store, exampleVersion({ plain: 0.82 })));
        expect((await rollBack()).version).toBe(first);
      });

      it('remembers a bounded number of versions', async () => {
        for (let moves = 0; moves < 15; moves++) for (const version of [first, second]) await moveTo(version);
        expect((await readAlias(store, 'production'))?.history).toHaveLength(20);
      });

      it('keeps what to roll back to when it is moved to where it is', async () => {
        const set = await moveAlias(store, 'production', { to: first, by: 'ada', expected: undefined });
        const moved = await moveAlias(store, 'production', { to: second, by: 'ada', expected: set });
        await moveAlias(store, 'production', { to: second, by: 'ada', expected: moved });
        expect(await readAlias(store, 'production')).toMatchObject({ version: second, previous: first });
      });

      it('cannot have a name that is not a plain word', async () => {
        for (const alias of ['Production', '../x', 'a/b', '']) {
          const move = moveAlias(store, alias, { to: first, by: 'test', expected: undefined });
          await expect(move, alias).rejects.toThrow('cannot name an alias');
        }
      });
    });

    describe('the gate to production', () => {
      const evaluate: Evaluate = async () => {
        throw new Error('Versions that were tested on the same images need no evaluation.');
      };
      const promotion = { by: 'test', predict: predictExample, evaluate };

      it('lets the first version in, and one that is as good within the tolerance', async () => {
        const first = await publishVersion(store, exampleVersion({ plain: 0.8 }));
        const second = await publishVersion(store, exampleVersion({ plain: 0.796 }));
        await promote(store, { ...promotion, version: first });
        expect(await promote(store, { ...promotion, version: second })).toMatchObject({
          version: second,
          previous: first,
        });
      });

      it('keeps a worse version out, unless a reason is given, which is stored', async () => {
        const first = await publishVersion(store, exampleVersion({ plain: 0.8 }));
        const worse = await publishVersion(store, exampleVersion({ plain: 0.75 }));
        await promote(store, { ...promotion, version: first });
        await expect(promote(store, { ...promotion, version: worse })).rejects.toThrow('75.00 % after 80.00 %');
        await expect(promote(store, { ...promotion, version: worse, reason: 'why not' })).rejects.toThrow(
          PromotionRefused,
        );
        await expect(promote(store, { ...promotion, version: worse, force: true })).rejects.toThrow('needs a reason');
        await expect(promote(store, { ...promotion, version: worse, force: true, reason: ' ' })).rejects.toThrow(
          'reason',
        );
        expect((await readAlias(store, 'production'))?.version).toBe(first);
        const forced = await promote(store, { ...promotion, version: worse, force: true, reason: 'half the size' });
        expect(forced.reason).toBe('half the size (override: plain test accuracy 75.00 % after 80.00 %)');
      });

      /** A version that was tested on images of its own. */
      const testedOn = (digit: string, plain: number, changes: Partial<Card> = {}) => {
        const files = exampleVersion({ plain });
        const card: Card = { ...exampleCard(plain), ...changes };
        const sha256 = { ...card.data.sha256, test: digit.repeat(64) };
        return files.set('card.json', encodeJson({ ...card, data: { ...card.data, sha256 } }));
      };

      it("weighs versions that were tested on different images by the candidate's", async () => {
        const first = await publishVersion(store, testedOn('b', 0.5));
        const second = await publishVersion(store, testedOn('c', 0.9));
        await promote(store, { ...promotion, version: first });
        // On its own test images the current version has 50 %, on the candidate's it has 95 %.
        const accuracies = new Map([
          [first, 0.95],
          [second, 0.9],
        ]);
        const asked: string[] = [];
        const onCandidates: Evaluate = async ({ id }, { data }) => {
          asked.push(`${id} on ${data.sha256.test?.[0]}`);
          return accuracies.get(id)!;
        };
        const worse = promote(store, { ...promotion, evaluate: onCandidates, version: second });
        await expect(worse).rejects.toThrow('plain test accuracy 90.00 % after 95.00 %');
        expect(asked).toEqual([`${first} on c`, `${second} on c`]);
        accuracies.set(first, 0.9);
        const promoted = await promote(store, { ...promotion, evaluate: onCandidates, version: second });
        expect(promoted).toMatchObject({ version: second, reason: null });
      });

      it('needs an override where the test images are unavailable, or the classes differ', async () => {
        const first = await publishVersion(store, testedOn('b', 0.5));
        const otherImages = await publishVersion(store, testedOn('c', 0.9));
        const perClass = { cat: 0.9, cow: 0.9 };
        const accuracy = { ...exampleCard(0.9).accuracy, perClass };
        const files = testedOn('b', 0.9, { classes: ['cat', 'cow'], accuracy });
        const otherClasses = await publishVersion(store, files);
        await promote(store, { ...promotion, version: first });
        const unavailable: Evaluate = async () => {
          throw new UserError('There is no data set "seven".');
        };
        for (const [version, message, override] of [
          [
            otherImages,
            /cannot be compared with production: .*\(There is no data set "seven"/,
            'tested on other images',
          ],
          [
            otherClasses,
            /it knows other classes \(without dog; with cow; 2 instead of 2\)\. .* --force --reason/,
            'other classes',
          ],
        ] as const) {
          const other = { ...promotion, evaluate: unavailable, version };
          await expect(promote(store, other)).rejects.toThrow(PromotionRefused);
          await expect(promote(store, other)).rejects.toThrow(message);
          const forced = await promote(store, { ...other, force: true, reason: 'new' });
          expect(forced.reason).toBe(`new (override: ${override})`);
          await rollback(store, 'production', { by: 'test' });
        }
      });

      it('keeps out a version that the runtime answers differently, with or without a reason', async () => {
        const version = await publishVersion(store, exampleVersion());
        const swapped = async (...args: Parameters<typeof predictExample>) =>
          Array.from(await predictExample(...args)).reverse();
        for (const predict of [swapped, async () => [], async () => new Float32Array(6).fill(Number.NaN)]) {
          await expect(promote(store, { ...promotion, version, predict })).rejects.toThrow('cannot be served');
          await expect(promote(store, { ...promotion, version, predict, force: true, reason: 'x' })).rejects.toThrow(
            PromotionRefused,
          );
        }
        expect(await readAlias(store, 'production')).toBeUndefined();
      });

      it('keeps a damaged version out, and is no obstacle to replacing one', async () => {
        const first = await publishVersion(store, exampleVersion({ plain: 0.9 }));
        const second = await publishVersion(store, exampleVersion({ plain: 0.8 }));
        await promote(store, { ...promotion, version: first });
        for (const id of [first, second]) await store.put(`models/${id}/card.json`, new TextEncoder().encode('{}'));
        await expect(promote(store, { ...promotion, version: second })).rejects.toThrow(DamagedVersion);
        const third = await publishVersion(store, exampleVersion({ plain: 0.7 }));
        expect((await promote(store, { ...promotion, version: third })).version).toBe(third);
      });
    });

    describe('a run', () => {
      const args = { recipe: 'quick', seed: 1, data: cifar10Data, settings: { epochs: 3, widths: [32, 64, 64] } };
      const result = {
        at: '2026-11-23T04:12:30.000Z',
        version: '20261123-0412-a1b2c3d4',
        accuracy: { plain: 0.8, tta: 0.82 },
        trainingSeconds: 134,
        steps: 294,
      };

      it('is new, then resumed, then finished; with other arguments it is refused', async () => {
        expect(await beginRun(store, 'a', args)).toEqual({ state: 'new' });
        expect(await beginRun(store, 'a', args)).toEqual({ state: 'resumed' });
        const other = { ...args, seed: 2, settings: { epochs: 3, widths: [32, 64, 128] } };
        await expect(beginRun(store, 'a', other)).rejects.toThrow(
          '(widths: [32,64,64], not [32,64,128]; seed: 1, not 2)',
        );
        await writeResult(store, 'a', result);
        expect(await beginRun(store, 'a', args)).toEqual({ state: 'finished', result });
      });

      it('is refused on other data, by name; a run without a name for its data is of CIFAR-10', async () => {
        const { data: _, ...older } = args;
        const sha256 = { train: 'a'.repeat(64), test: 'b'.repeat(64) };
        await store.put('runs/a/args.json', encodeJson(older));
        expect(await beginRun(store, 'a', args)).toEqual({ state: 'resumed' });
        await expect(beginRun(store, 'a', { ...args, data: { name: 'seven', sha256 } })).rejects.toThrow(
          /data: cifar10 \(training images d12c98b5, test images 1695efc9\), not seven \(training images aaaaaaaa/,
        );
        // The same name for other content is other data.
        await expect(beginRun(store, 'a', { ...args, data: { name: 'cifar10', sha256 } })).rejects.toThrow('data: ');
      });

      it('keeps its last checkpoint and the one before, and no others', async () => {
        const body = (step: number) => Uint8Array.from({ length: 100 }, () => step);
        expect(await readCheckpoint(store, 'a')).toBeUndefined();
        const paths: string[] = [];
        let expected: CheckpointTag | undefined;
        for (const step of [10, 20, 30]) {
          expected = await writeCheckpoint(store, 'a', { step, body: body(step), expected });
          expect(expected.path).toMatch(new RegExp(`^checkpoints/000000${step}-[0-9a-f]{8}\\.safetensors$`));
          paths.push(`runs/a/${expected.path}`);
        }
        const read = await readCheckpoint(store, 'a');
        expect(read).toMatchObject({ step: 30, etag: expected?.etag, damaged: [] });
        expect([...(read?.body ?? [])]).toEqual([...body(30)]);
        expect(await keysOf(store, 'runs/a/checkpoints/')).toEqual(paths.slice(1));
      });

      it('has a checkpoint to resume from whenever the process dies', async () => {
        const expected = await writeCheckpoint(store, 'a', { step: 10, body: Uint8Array.of(1), expected: undefined });
        for (const puts of [0, 1]) {
          const dying = interruptedAtPut(store, puts);
          await expect(writeCheckpoint(dying, 'a', { step: 20, body: Uint8Array.of(2), expected })).rejects.toThrow(
            Killed,
          );
          expect(await readCheckpoint(store, 'a')).toMatchObject({ step: 10, body: { length: 1 } });
        }
        await writeCheckpoint(store, 'a', { step: 20, body: Uint8Array.of(2), expected });
        expect(await readCheckpoint(store, 'a')).toMatchObject({ step: 20 });
      });

      it('does not let two processes overwrite the checkpoints of each other', async () => {
        const expected = await writeCheckpoint(store, 'a', { step: 10, body: Uint8Array.of(1), expected: undefined });
        await writeCheckpoint(store, 'a', { step: 20, body: Uint8Array.of(2), expected });
        await expect(writeCheckpoint(store, 'a', { step: 30, body: Uint8Array.of(3), expected })).rejects.toThrow(
          'changed by somebody else',
        );
        expect(await readCheckpoint(store, 'a')).toMatchObject({ step: 20 });
      });

      it('does not point to a checkpoint that did not arrive whole', async () => {
        const expected = await writeCheckpoint(store, 'a', {
          step: 10,
          body: Uint8Array.of(1, 2),
          expected: undefined,
        });
        const lossy: ObjectStore = { ...store, put: (key, body, options) => store.put(key, body.slice(1), options) };
        const write = writeCheckpoint(lossy, 'a', { step: 20, body: Uint8Array.of(3, 4), expected });
        await expect(write).rejects.toThrow(/00000020-\w+\.safetensors is malformed: it is not what was written/);
        expect(await readCheckpoint(store, 'a')).toMatchObject({ step: 10 });
      });

      describe('whose checkpoint is damaged', () => {
        const body = (step: number) => Uint8Array.from({ length: 100 }, (_, at) => step + at);
        let keys: { readonly pointer: string; readonly last: string; readonly before: string };
        let intact: Map<string, Uint8Array>;
        beforeEach(async () => {
          const before = await writeCheckpoint(store, 'a', { step: 10, body: body(10), expected: undefined });
          const last = await writeCheckpoint(store, 'a', { step: 20, body: body(20), expected: before });
          keys = { pointer: 'runs/a/checkpoint.json', last: `runs/a/${last.path}`, before: `runs/a/${before.path}` };
          intact = new Map();
          for (const key of Object.values(keys)) intact.set(key, (await store.get(key))!.body);
        });
        const put = (key: string, found: Uint8Array | undefined) => (found ? store.put(key, found) : store.delete(key));

        it('resumes from the one before, and reports what it skipped', async () => {
          for (const [damage, found] of damagesOf(intact.get(keys.last)!)) {
            await put(keys.last, found);
            const read = await readCheckpoint(store, 'a');
            expect(read, damage).toMatchObject({ step: 10, damaged: [keys.last] });
            expect([...read!.body], damage).toEqual([...body(10)]);
          }
        });

        it('resumes from the last one if only the pointer or the one before is damaged', async () => {
          for (const key of [keys.pointer, keys.before]) {
            for (const [damage, found] of damagesOf(intact.get(key)!)) {
              await put(key, found);
              const read = await readCheckpoint(store, 'a');
              expect([...read!.body], `${key} ${damage}`).toEqual([...body(20)]);
            }
            await put(key, intact.get(key));
          }
        });

        it('resumes from the last one whichever byte of the pointer is flipped', async () => {
          const pointer = intact.get(keys.pointer)!;
          for (let at = 0; at < pointer.length; at++) {
            await store.put(keys.pointer, flipped(pointer, at));
            expect((await readCheckpoint(store, 'a'))?.step, `byte ${at}`).toBe(20);
          }
        });

        it('is told from others by its files, not by their order', async () => {
          for (const found of [undefined, new TextEncoder().encode('{')]) {
            await put(keys.pointer, found);
            await put(keys.last, new Uint8Array(100));
            await store.put('runs/a/checkpoints/README.md', body(1));
            await store.put('runs/ab/checkpoints/00000030-00000000.safetensors', body(30));
            const read = await readCheckpoint(store, 'a');
            expect(read).toMatchObject({ step: 10, damaged: [keys.pointer, keys.last] });
          }
        });

        it('is repaired by the next checkpoint', async () => {
          for (const key of Object.values(keys)) {
            for (const found of [undefined, intact.get(key)!.slice(1)]) {
              await put(key, found);
              const expected = await readCheckpoint(store, 'a');
              await writeCheckpoint(store, 'a', { step: 30, body: body(30), expected });
              expect(await readCheckpoint(store, 'a'), key).toMatchObject({ step: 30, damaged: [] });
              expect(await keysOf(store, 'runs/a/checkpoints/')).toEqual([
                `runs/a/${expected?.path}`,
                expect.stringContaining('checkpoints/00000030-'),
              ]);
              for (const key of await keysOf(store, 'runs/a/checkpoints/')) await store.delete(key);
              for (const [key, found] of intact) await put(key, found);
            }
          }
        });

        it('is not lost to a second process that resumes from it at the same time', async () => {
          await put(keys.pointer, undefined);
          const [one, two] = [await readCheckpoint(store, 'a'), await readCheckpoint(store, 'a')];
          await writeCheckpoint(store, 'a', { step: 30, body: body(30), expected: one });
          await expect(writeCheckpoint(store, 'a', { step: 30, body: body(31), expected: two })).rejects.toThrow(
            'changed by somebody else',
          );
          expect(await readCheckpoint(store, 'a')).toMatchObject({ step: 30, damaged: [] });
        });

        it('is refused when every one is damaged, by the names of all, and nothing is changed', async () => {
          for (const pointer of [intact.get(keys.pointer), undefined]) {
            await put(keys.pointer, pointer);
            for (const [damage, found] of damagesOf(intact.get(keys.last)!)) {
              if (found === undefined) continue;
              await put(keys.last, found);
              await put(keys.before, damagesOf(intact.get(keys.before)!).get(damage));
              const refused = await readCheckpoint(store, 'a').catch((error: unknown) => error);
              expect(refused, damage).toBeInstanceOf(DamagedCheckpoints);
              expect(String(refused)).toContain(keys.last);
              expect(String(refused)).toContain(keys.before);
              expect(String(refused)).toContain('or train again under another --run');
              expect((await store.get(keys.last))?.body).toEqual(found);
            }
          }
        });
      });

      it('has its events in order, over attempts, for a reader who follows', async () => {
        const at = '2026-11-23T04:12:30.000Z';
        const first = await openEventLog(store, 'a', { everySeconds: 3600 });
        first.append({ at, type: 'started' });
        first.append({ at, type: 'step' });
        await first.flush();
        expect((await readEvents(store, 'a')).map(({ event }) => event.type)).toEqual(['started', 'step']);
        first.append({ at, type: 'checkpoint' });
        await first.close();
        const second = await openEventLog(store, 'a', { everySeconds: 3600 });
        second.append({ at, type: 'resumed' });
        await second.close();
        const numbered = (await readEvents(store, 'a')).map(({ number, event }) => `${number} ${event.type}`);
        expect(numbered).toEqual(['0 started', '1 step', '2 checkpoint', '3 resumed']);
        for (let after = -1; after < 5; after++) {
          const rest = (await readEvents(store, 'a', { after })).map(({ number, event }) => `${number} ${event.type}`);
          expect(rest, `after ${after}`).toEqual(numbered.slice(after + 1));
        }
        expect(await keysOf(store, 'runs/a/events/')).toHaveLength(3);
        const latest: string[] = [];
        for await (const { type } of latestEvents(store, 'a')) latest.push(type);
        expect(latest).toEqual(['resumed', 'checkpoint', 'step', 'started']);
      });

      it('loses and repeats no event when a write fails, or fails after it was carried out', async () => {
        const at = '2026-11-23T04:12:30.000Z';
        let failure: 'before' | 'after' | undefined;
        const flaky: ObjectStore = {
          ...store,
          put: async (key, body, options) => {
            if (failure === 'before') throw new Error('connection refused');
            const etag = await store.put(key, body, options);
            if (failure === 'after') throw new Error('connection lost');
            return etag;
          },
        };
        const log = await openEventLog(flaky, 'a', { everySeconds: 3600 });
        const written: string[] = [];
        for (const kind of ['before', 'after', undefined, 'after', 'before'] as const) {
          failure = kind;
          log.append({ at, type: `${written.length}` });
          written.push(`${written.length}`);
          await log.flush().catch(() => undefined);
        }
        failure = undefined;
        await log.close();
        expect((await readEvents(store, 'a')).map(({ event }) => event.type)).toEqual(written);
      });

      it('refuses a second writer of events', async () => {
        const [one, two] = [await openEventLog(store, 'a'), await openEventLog(store, 'a')];
        one.append({ at: '1', type: 'mine' });
        two.append({ at: '2', type: 'yours' });
        await one.close();
        await expect(two.close()).rejects.toThrow('changed by somebody else');
      });
    });
  });
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}
