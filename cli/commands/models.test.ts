import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ExampleModel, exampleModel } from '#inference/serving/example-model.fixture.ts';
import { moveAlias, readAlias } from '#models/aliases.ts';
import type { Card } from '#models/card.ts';
import { newAttempt } from '#models/plans/attempts.ts';
import { createPlan, makePlan } from '#models/plans/plan.ts';
import { writeResult } from '#models/plans/results.ts';
import { encodeBits } from '#models/plans/sweep-result.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion, readCard } from '#models/versions.ts';
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

/** @param chosen of the card, besides its accuracy */
async function publish(
  seed: number,
  plain: number,
  { classes, isWrong = false, ...chosen }: Partial<Card> & Pick<ExampleModel, 'classes' | 'isWrong'> = {},
): Promise<string> {
  const form = { seed, ...(classes && { classes }) };
  const { accuracy } = JSON.parse(new TextDecoder().decode((await exampleModel(form)).get('card.json'))) as Card;
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
    ...chosen,
  };
  return publishVersion(store, await exampleModel({ ...form, card, isWrong }));
}

/** A version of a run of a sweep, which got half of eight held-out images right, or three quarters. */
async function publishKept(seed: number): Promise<string> {
  const item = { name: `seed=${seed}`, recipe: 'tiny', set: [], seed, data: 'cifar10', group: '' };
  const plan = makePlan({ kind: 'sweep', code: '0'.repeat(64), options: { keep: 'all', over: [] }, items: [item] });
  const { id } = await createPlan(store, plan);
  const { shard } = plan.items[0]!;
  const run = `${id}.${shard}`;
  const right = Array.from({ length: 8 }, (_, image) => image < 4 + 2 * seed);
  const [at, counts] = ['2026-11-23T04:12:30.000Z', { epochs: 1, steps: 1, recoveries: 0, parameters: 6 }];
  const result = {
    ...{ at, run, outcome: 'trained', ...counts, trainingSeconds: 1, wallSeconds: 1, engine: 'an example', curve: [] },
    heldOut: { images: 8, accuracy: 0.5 + 0.25 * seed, loss: 1, right: encodeBits(right) },
    machine: { cpu: 'an example', cores: 2, memory: 8 },
  };
  const attempt = newAttempt({ submission: '0001', child: 0 });
  await writeResult(store, id, shard, { at, attempt, seconds: 1, result });
  return publish(seed, 0.7, { run });
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
    const first = await publish(1, 0.7, { parent: { file: 'keras.h5', sha256: 'a'.repeat(64) } });
    const second = await publish(2, 0.8, { parent: { version: first } });
    const head = { kept: ['cat', 'dog'], drawn: ['yak'], left: [] };
    const third = await publish(3, 0.6, { parent: { version: second, alias: 'production', head } });
    const lines = (await models('list')).trim().split('\n');
    expect(lines[1]).toMatch(new RegExp(`^${third} .* ${second.slice(-8)} *$`));
    expect(lines[3]).toMatch(new RegExp(`^${first} .* keras\\.h5 *$`)); // As much of a file's name as there is room for.
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

  it('shows what nothing refers to, why the others stay, and deletes it when told to', async () => {
    const first = await publish(1, 0.7);
    const second = await publish(2, 0.8, { parent: { version: first } });
    const unused = await publish(3, 0.6);
    await models('promote', second);
    const shown = await models('gc', '--dry-run');
    expect(shown).toContain('To delete: 1 version, ');
    expect(shown).toMatch(new RegExp(`${unused} .* MB +60\\.00 %  cifar10, `));
    expect(shown).toMatch(
      new RegExp(`${second} .* MB +production points to it\\n${first} .* MB +${second} began with it`),
    );
    await expect(models('gc')).rejects.toThrow(/This deletes 1 version, .*no terminal to ask .*--yes/s);
    expect(JSON.parse(await models('gc', '--keep', '1', '--dry-run', '--json')).versions).toEqual([]);
    expect(JSON.parse(await models('gc', '--older-than', '8w', '--dry-run', '--json'))).toMatchObject({
      isDryRun: true,
    });
    await expect(models('gc', '--older-than', 'soon')).rejects.toThrow('--older-than is "soon". Give minutes, hours');
    expect(await models('gc', '--yes')).toContain('1 version deleted');
    expect(await models('gc', '--yes')).toContain('There is nothing to delete');
    expect(JSON.parse(await models('list', '--json'))).toMatchObject([{ version: second }, { version: first }]);
  });

  it('shows what is different about two versions, by their aliases', async () => {
    const first = await publish(1, 0.7);
    const recipe = { name: 'c92', settings: { epochs: 4, batchSize: 512 } };
    const second = await publish(2, 0.8, { parent: { version: first }, recipe, temperature: 2, commit: 'abc' });
    await models('promote', first);
    await moveAlias(store, 'candidate', { to: second, by: 'run a', expected: undefined });
    const difference = JSON.parse(await models('diff', 'production', 'candidate', '--json'));
    expect(difference).toMatchObject({
      first: { version: first, aliases: ['production'] },
      second: { version: second, aliases: ['candidate'] },
      facts: { parent: { first: 'drawn weights', second: first }, commit: { second: 'abc' } },
      settings: { epochs: { second: 4 } },
      data: {},
      classes: { onlyFirst: [], onlySecond: [], isReordered: false },
      test: { isSame: true, metrics: { plain: { first: 0.7, second: 0.8, difference: expect.closeTo(0.1) } } },
      thresholds: { temperature: { second: 2 } },
    });
    const text = await models('diff', 'production', 'candidate');
    expect(text).toMatch(/plain +70\.00 % +80\.00 % +\+10\.00/);
    expect(text).toContain(`./cifar10 compare ${first} ${second} --store`);
    expect(text).not.toMatch(/^licen[cs]e/m); // The same in both.
  });

  it('shows no difference of what was measured on other images, and the classes that only one knows', async () => {
    const first = await publish(1, 0.7);
    const { data, classes } = await readCard(store, first);
    const second = await publish(2, 0.8, {
      ...{ classes: [...classes.slice(1), 'yak'], data: { ...data, sha256: { ...data.sha256, test: 'c'.repeat(64) } } },
    });
    const { test, classes: known } = JSON.parse(await models('diff', first, second, '--json'));
    expect(known).toEqual({ onlyFirst: [classes[0]], onlySecond: ['yak'], isReordered: false });
    expect(test).toMatchObject({ isSame: false, metrics: { plain: { first: 0.7 } } });
    expect(test.metrics.plain).not.toHaveProperty('difference');
    expect(await models('diff', first, second)).toContain('each on its own test images, so there are no differences');
  });

  it('pairs the held-out answers of two runs of a sweep', async () => {
    const versions = [await publishKept(0), await publishKept(1)];
    const { heldOut } = JSON.parse(await models('diff', ...versions, '--json'));
    expect(heldOut).toMatchObject({
      images: 8,
      bothRight: 4,
      onlyFirst: 0,
      onlySecond: 2,
      bothWrong: 2,
      difference: 0.25,
    });
    expect(await models('diff', ...versions)).toContain('both right 4, only the first 0, only the second 2, neither 2');
  });

  it('promotes what was trained last', async () => {
    await expect(promoteCandidate(store, 'a test')).rejects.toThrow('has no such version or alias: candidate');
    const version = await publish(1, 0.7);
    await moveAlias(store, 'candidate', { to: version, by: 'run a', expected: undefined });
    expect(await promoteCandidate(store, 'a test')).toMatchObject({ version, previous: null, reason: null });
  });

  it('does not promote what the serving runtime answers otherwise', async () => {
    const version = await publish(1, 0.7, { isWrong: true });
    await expect(models('promote', version)).rejects.toThrow('its golden vectors are answered with a difference of 0.');
    expect(await readAlias(store, 'production')).toBeUndefined();
  });
});
