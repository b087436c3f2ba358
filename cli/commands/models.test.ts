import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { moveAlias, readAlias } from '#models/aliases.ts';
import type { Card, Parent } from '#models/card.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { promoteCandidate } from '../endpoint/promote.ts';
import { modelsCommand } from './models.ts';

let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'models-command-'));
  store = folderStore(folder);
});
afterEach(() => rm(folder, { recursive: true }));

/** What the command prints to its standard output. */
async function models(...args: string[]): Promise<string> {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  try {
    await modelsCommand()
      .exitOverride()
      .parseAsync([...args, '--store', folder], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return printed;
}

async function publish(seed: number, plain: number, isWrong = false, parent?: Parent): Promise<string> {
  const { accuracy } = JSON.parse(new TextDecoder().decode((await exampleModel()).get('card.json'))) as Card;
  const perClass = Object.fromEntries(Object.keys(accuracy.perClass).map((label) => [label, plain]));
  const card = {
    createdAt: `2026-11-23T04:1${seed}:00.000Z`,
    accuracy: {
      ...accuracy,
      plain,
      tta: plain,
      perClass,
      interval95: [plain - 0.01, plain + 0.01] as [number, number],
    },
    ...(parent && { parent }),
  };
  return publishVersion(store, await exampleModel({ seed, card, isWrong }));
}

describe('cifar10 models', () => {
  it('says what to do if there is no version', async () => {
    expect(await models('list')).toContain('has no versions yet. Train one');
    expect(JSON.parse(await models('list', '--json'))).toEqual([]);
    await expect(models('show')).rejects.toThrow('has no such version or alias: production');
    await expect(models('promote')).rejects.toThrow('has no such version or alias: candidate');
    await expect(models('rollback')).rejects.toThrow('points to no version yet');
  });

  it('lists the newest first with its aliases, and a damaged one as such', async () => {
    const [first, second] = [await publish(1, 0.7), await publish(2, 0.8)];
    await moveAlias(store, 'candidate', { to: second, by: 'test', expected: undefined });
    const lines = (await models('list')).trim().split('\n');
    expect(lines[1]).toMatch(new RegExp(`^${second} .*80\\.00 %.* candidate$`));
    expect(lines[2]).toMatch(new RegExp(`^${first} .*70\\.00 %`));
    await store.put(`models/${first}/card.json`, new TextEncoder().encode('{}'));
    const listed = JSON.parse(await models('list', '--json'));
    expect(listed).toMatchObject([
      { version: second, aliases: ['candidate'], accuracy: { plain: 0.8 } },
      { version: first, aliases: [], damaged: expect.stringContaining(`models/${first}/card.json`) },
    ]);
  });

  it('shows what a version began with, and what that one did, as far as the store knows', async () => {
    const first = await publish(1, 0.7, false, { file: 'keras.h5', sha256: 'a'.repeat(64) });
    const second = await publish(2, 0.8, false, { version: first });
    const head = { kept: ['cat', 'dog'], drawn: ['yak'], left: [] };
    const third = await publish(3, 0.6, false, { version: second, alias: 'production', head });
    const lines = (await models('list')).trim().split('\n');
    expect(lines[1]).toMatch(new RegExp(`^${third} .* ${second} *$`));
    expect(lines[3]).toMatch(new RegExp(`^${first} .* keras\\.h5 *$`));
    expect(JSON.parse(await models('list', '--json'))[0]).toMatchObject({ parent: { version: second, head } });
    expect(await models('show', third)).toMatch(
      new RegExp(
        `began with the body of ${second}; 2 of 3 classes kept, 1 new: yak \\(.*80\\.00 %\\)\\n` +
          ` +the weights of ${first} \\(.*70\\.00 %\\)\\n +the weights of keras\\.h5\\n`,
      ),
    );
    const { lineage } = JSON.parse(await models('show', third, '--json'));
    expect(lineage).toMatchObject([{ version: second }, { version: first }, { file: 'keras.h5' }]);
    await models('delete', second);
    expect(await models('show', third)).toContain(`new: yak (not in this store)`);
  });

  it('shows a version that is intact, and refuses another', async () => {
    const version = await publish(1, 0.7);
    expect(await models('show', version)).toContain('every byte verified');
    expect(JSON.parse(await models('show', version, '--json'))).toMatchObject({
      version,
      card: { accuracy: { plain: 0.7 } },
    });
    await store.delete(`models/${version}/weights.bin`);
    await expect(models('show', version)).rejects.toThrow(`models/${version}/weights.bin in ${folder} is missing`);
  });

  it('promotes what the serving runtime answers rightly, keeps a worse one out, and rolls back', async () => {
    const [first, worse] = [await publish(1, 0.7), await publish(2, 0.6)];
    expect(await models('promote', first)).toContain(`production is ${first}`);
    await expect(models('promote', worse)).rejects.toThrow('60.00 % after 70.00 %');
    const forced = await models('promote', worse, '--force', '--reason', 'smaller', '--json');
    expect(JSON.parse(forced)).toMatchObject({ alias: 'production', version: worse, previous: first });
    expect((await readAlias(store, 'production'))?.reason).toContain('smaller (override');
    expect(JSON.parse(await models('rollback', '--reason', 'too small', '--json'))).toMatchObject({
      version: first,
      previous: worse,
      reason: 'too small',
    });
    await expect(models('rollback')).rejects.toThrow('there is no earlier version to roll back to');
    expect((await readAlias(store, 'production'))?.version).toBe(first);
  });

  it('deletes a version, but none that an alias points to', async () => {
    const [first, second] = [await publish(1, 0.7), await publish(2, 0.8)];
    await models('promote', first);
    await expect(models('delete', first)).rejects.toThrow(`production points to ${first}, so it was not deleted`);
    expect(JSON.parse(await models('delete', second, '--json'))).toMatchObject({ deleted: second });
    await expect(models('delete', second)).rejects.toThrow(`has no such version: ${second}`);
    expect(JSON.parse(await models('list', '--json'))).toMatchObject([{ version: first }]);
  });

  it('promotes what was trained last', async () => {
    await expect(promoteCandidate(store, 'a test')).rejects.toThrow('has no such version or alias: candidate');
    const version = await publish(1, 0.7);
    await moveAlias(store, 'candidate', { to: version, by: 'run a', expected: undefined });
    expect(await promoteCandidate(store, 'a test')).toMatchObject({ version, previous: null, reason: null });
  });

  it('does not promote what the serving runtime answers otherwise', async () => {
    const version = await publish(1, 0.7, true);
    await expect(models('promote', version)).rejects.toThrow('its golden vectors are answered with a difference of 0.');
    expect(await readAlias(store, 'production')).toBeUndefined();
  });
});
