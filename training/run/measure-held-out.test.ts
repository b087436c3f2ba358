import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UsageError } from '#errors/user-error.ts';
import { readAlias } from '#models/aliases.ts';
import { decodeBits } from '#models/plans/sweep-result.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { listVersions, readVersion } from '#models/versions.ts';
import { smallDataset } from '../data/small-dataset.fixture.ts';
import { decodeWeights } from '../export/weights.ts';
import { resolveRecipe } from '../recipe/settings.ts';
import type { TrainingEvent } from '../record/events.ts';
import { curveOf, digestOf } from './measure-held-out.ts';
import { train, trainAndMeasure } from './train.ts';

const data = await smallDataset(272, 60);
let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'measure-'));
  store = folderStore(folder);
});
afterEach(() => rm(folder, { recursive: true }));

const small = ['heldOut=16', 'batchSize=32', 'epochs=1.25', 'engine=auto', 'checkpointSeconds=0'];

function asked(run: string, set: readonly string[] = [], stopAt?: number) {
  const events: TrainingEvent[] = [];
  const controller = new AbortController();
  const emit = (event: TrainingEvent) => {
    events.push(event);
    if (event.type === 'checkpoint' && event.step === stopAt) controller.abort('SIGTERM');
  };
  const recipe = resolveRecipe('tiny', [...small, ...set]);
  const options = { recipe, seed: 7, data, store, spool: undefined, run, resume: 'again', emit };
  return { events, options: { ...options, signal: controller.signal } };
}

async function measure(run: string, set: readonly string[] = [], stopAt?: number) {
  const { events, options } = asked(run, set, stopAt);
  const outcome = await trainAndMeasure(options);
  return { events, outcome, result: outcome.status === 'finished' ? outcome.result : undefined };
}

/** The digest of a version's weights. */
async function digestOfVersion(version: string): Promise<string> {
  return digestOf(decodeWeights((await readVersion(store, version)).file('weights.safetensors')).weights);
}

const kindsOf = (events: readonly TrainingEvent[]) => [...new Set(events.map(({ type }) => type))];

test('a run that is measured has the weights of one that is published, bit for bit, also when it was interrupted', async () => {
  const { options } = asked('published', ['keep=best']);
  const published = await train(options);
  const version = published.status === 'finished' ? published.result.version : '';
  const first = await measure('measured', ['keep=best'], 3);
  expect(first.outcome).toEqual({ status: 'interrupted', signal: 'SIGTERM', step: 3 });

  const { result, events } = await measure('measured', ['keep=best']);
  expect(events[0]).toMatchObject({ type: 'started', fromStep: 3 });
  expect(events.at(-1)).toMatchObject({ type: 'measured', images: 16 });
  expect(result!.kept!.sha256).toBe(await digestOfVersion(version));
  expect(result).toMatchObject({ run: 'measured', outcome: 'trained', steps: 10, epochs: 1.25, recoveries: 0 });
  const { heldOut, curve } = result!;
  const right = decodeBits(heldOut!.right, heldOut!.images);
  expect(right.filter(Boolean).length / 16).toBe(heldOut!.accuracy);
  expect(curve.map(({ epoch }) => epoch)).toEqual([1, 1.25]);
  expect(curve.find(({ step }) => step === result!.kept!.step)!.heldOut.accuracy).toBe(heldOut!.accuracy);
});

test('it publishes nothing and reads no test image, and is published later with the same weights, without a new candidate', async () => {
  const { events, options } = asked('a');
  const unread = {
    ...data.test,
    get images(): Uint8Array<ArrayBuffer> {
      throw new Error('The test images are read.');
    },
  };
  const measured = await trainAndMeasure({ ...options, data: { ...data, test: unread } });
  expect(kindsOf(events)).toEqual(['started', 'step', 'checkpoint', 'epoch', 'measured']);
  expect([await listVersions(store), await readAlias(store, 'candidate')]).toEqual([[], undefined]);

  const published = await train({ ...asked('a').options, becomesCandidate: false });
  const version = published.status === 'finished' ? published.result.version : '';
  expect(measured).toMatchObject({ result: { kept: { sha256: await digestOfVersion(version) } } });
  expect((await readVersion(store, version)).card.run).toBe('a');
  expect(await readAlias(store, 'candidate')).toBeUndefined();
});

test('views change what a run is measured by, and not what it learns', async () => {
  const [{ result: plain }, { result: six }] = [await measure('plain'), await measure('six', ['views=six'])];
  expect(six!.kept).toEqual(plain!.kept);
  expect(six!.curve.map(({ heldOut }) => heldOut)).toEqual(plain!.curve.map(({ heldOut }) => heldOut));
  expect(six!.heldOut!.loss).not.toBe(plain!.heldOut!.loss);
});

test('a run that learns nothing, or diverges for good, is a result that says why', async () => {
  const idle = await measure('idle', ['heldOut=64', 'learningRate=0']);
  expect(idle.result).toMatchObject({
    outcome: 'guessing',
    reason: expect.stringMatching(/^No better than guessing: of 64 held-out images, \d+ /),
    heldOut: { images: 64 },
  });

  const steep = ['learningRate=100', 'schedule=constant', 'epochs=6', 'weightDecay=1'];
  const { result, events } = await measure('steep', steep);
  expect(result).toMatchObject({
    outcome: 'diverged',
    recoveries: 3,
    reason: expect.stringMatching(/^The training diverged at step \d+ .* for the 4th time/),
  });
  expect(result).not.toHaveProperty('heldOut');
  expect(events.at(-1)).toMatchObject({ type: 'failed', message: result!.reason });
});

test('a curve has the ends of epochs, and no point that JSON cannot hold', () => {
  const row = { learningRate: 0.1, loss: 2, trainingSeconds: 1 };
  const curve = curveOf([
    { ...row, step: 5, epoch: 0.5, validation: null },
    { ...row, step: 10, epoch: 1, validation: { accuracy: 0.3, loss: 1.9 } },
    { ...row, step: 20, epoch: 2, validation: { accuracy: 0.1, loss: Number.NaN } },
  ]);
  expect(curve).toEqual([{ step: 10, epoch: 1, loss: 2, heldOut: { accuracy: 0.3, loss: 1.9 }, trainingSeconds: 1 }]);
});

test('it needs held-out images', async () => {
  const refused = measure('a', ['heldOut=0']);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow('needs some, and heldOut=0 leaves none');
});
