import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cifar10Data } from '#models/data-identity.ts';
import { readCheckpoint } from '#models/run-checkpoints.ts';
import { decodeSafetensors } from '#models/safetensors.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { type Checkpoint, openCheckpoints } from './checkpoint.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a checkpoint keeps the stored name of a renamed parameter group, and is read under the current one', async () => {
  const store = folderStore(folder);
  const names = ['head/kernel', 'weights/updates', 'normBiases/updates'];
  const checkpoint: Checkpoint = {
    data: cifar10Data,
    state: names.map((name, index) => ({ name, shape: [], data: Float32Array.of(index) })),
    best: undefined,
    progress: {
      ...{ step: 3, steps: 9, trainingSeconds: 1, wallSeconds: 2, history: [], lossSum: 0, lossSteps: 0 },
      ...{ losses: { first: null, farSteps: 0 }, recoveries: [], trainedAt: null },
    },
  };
  await (await openCheckpoints(store, 'a')).save(checkpoint);
  const { tensors } = decodeSafetensors((await readCheckpoint(store, 'a'))!.body);
  expect(tensors.map(({ name }) => name)).toEqual(['head/kernel', 'weights/updates', 'norms/updates']);
  expect((await openCheckpoints(store, 'a')).latest).toMatchObject(checkpoint);
});
