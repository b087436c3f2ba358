import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { beginRun, RunArguments, readArguments, runKey } from '#models/runs.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { resolveRecipe } from './settings.ts';
import { fromStoredSettings, storedSettings } from './stored-settings.ts';

/** The `args.json` of `train minute --set epochs=0.2`, as it was written before two settings were renamed. */
const earlier =
  '{"recipe":"minute","seed":1,"settings":{"net":"airbench","widths":[32,64,64],"engine":"tensorflow","epochs":0.2,' +
  '"budget":0,"batchSize":256,"heldOut":5000,"patience":0,"keep":"last","precision":"auto","optimizer":"muon",' +
  '"learningRate":0.4,"momentum":0.85,"nesterov":true,"muonLearningRate":0.16,"muonMomentum":0.6,"weightDecay":0.00133,' +
  '"normLearningRate":64,"schedule":"triangle","startLearningRate":1,"peak":0,"endLearningRate":0,"labelSmoothing":0.2,' +
  '"whiteningBiasEpochs":1,"lookahead":5,"flip":"alternating","shift":1,"checkpointSeconds":60}}';

// What `minute` was then is `short` now.
const { settings } = resolveRecipe('short', ['epochs=0.2']);
const { batchPreparation, ...decisive } = settings;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stored-settings-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('stored settings', () => {
  test('have the bytes that they had before settings were renamed', () => {
    expect(JSON.stringify({ recipe: 'minute', seed: 1, settings: storedSettings(decisive) })).toBe(earlier);
    expect(storedSettings({ batchPreparation })).toEqual({ batches: 'auto' });
  });

  test('are read back under the current names', () => {
    expect(fromStoredSettings(storedSettings(settings))).toEqual(settings);
  });

  test('of an earlier release are kept as they are, but for renamed ones, and those that came later do nothing', () => {
    const later = {
      imageSize: 32,
      fit: 'crop',
      freeze: 'none',
      probeEpochs: 0,
      bodyLearningRate: 1,
      randAugment: [0, 0],
      ...{ verticalFlip: 'none', zoom: [0, 0], rotate: 0, standardize: 'default', whitening: 'on', views: 'plain' },
    };
    expect(fromStoredSettings({ shift: 2, depth: 9 })).toMatchObject({ ...later, translate: 2, depth: 9 });
  });

  test('that came later are stored where they do something', () => {
    const changes = [
      'imageSize=48',
      'fit=pad',
      'freeze=body',
      'probeEpochs=2',
      'bodyLearningRate=0.1',
      'randAugment=2,9',
      'verticalFlip=random',
      'zoom=0.1,0',
      'rotate=10',
      'standardize=off',
      'whitening=off',
      'views=six',
      ...['activation=elu', 'dropout=0', 'logitScale=0.5', 'schedule=step', 'lowerAt=0.85', 'averageLast=0.25'],
    ];
    const { settings: tuned } = resolveRecipe('minute', changes);
    expect(storedSettings(tuned)).toMatchObject({
      ...{ imageSize: 48, fit: 'pad', freeze: 'body', probeEpochs: 2, bodyLearningRate: 0.1, randAugment: [2, 9] },
      ...{ verticalFlip: 'random', zoom: [0.1, 0], rotate: 10, standardize: 'off', whitening: 'off', views: 'six' },
      ...{ activation: 'elu', dropout: 0, logitScale: 0.5, lowerAt: [0.85], averageLast: 0.25 },
    });
    expect(fromStoredSettings(storedSettings(tuned))).toEqual(tuned);
  });

  test('let a run resume that was begun before settings were renamed', async () => {
    const store = folderStore(folder);
    await store.put(runKey('a', 'args.json'), Buffer.from(earlier));
    const args = RunArguments.parse((await readArguments(store, 'a'))!);
    expect(await beginRun(store, 'a', { ...args, settings: storedSettings(decisive) })).toEqual({ state: 'resumed' });
    const other = { ...args, settings: storedSettings({ ...decisive, translate: 2 }) };
    await expect(beginRun(store, 'a', other)).rejects.toThrow('exists with other arguments');
  });
});
