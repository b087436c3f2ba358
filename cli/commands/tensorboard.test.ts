import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { beginRun } from '#models/runs.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { readersPython } from '#setup/readers.mjs';
import { resolveRecipe } from '#training/recipe/settings.ts';
import { storedSettings } from '#training/recipe/stored-settings.ts';
import { openBoard } from '#training/record/tensorboard/board.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tensorboard-'));
});
afterAll(() => rm(folder, { recursive: true }));

function tensorboard(...words: string[]) {
  return spawn(process.execPath, ['--import', './setup/typescript.mjs', 'cli/cifar10.ts', 'tensorboard', ...words], {
    cwd: path.resolve(import.meta.dirname, '../..'),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** A run with one step. */
async function writeRun(run: string): Promise<void> {
  const { name, settings } = resolveRecipe('quick', ['learningRate=0.8']);
  const data = { name: 'cifar10', sha256: { train: 'a'.repeat(64), test: 'b'.repeat(64) } };
  await beginRun(folderStore(folder), run, { recipe: name, seed: 7, data, settings: storedSettings(settings) });
  const board = await openBoard(folderStore(folder), run);
  const rates = { loss: 1.5, learningRate: 0.1, imagesPerSecond: 900, etaSeconds: 9 };
  board.append({ at: '2026-11-23T04:12:30.000Z', type: 'step', step: 1, steps: 9, epoch: 0.1, ...rates });
  await board.flush();
}

test('without runs, and for a bucket, it says what to do', async () => {
  const empty = path.join(folder, 'empty');
  const [ofEmpty, ofBucket] = await Promise.all(
    [empty, 's3://bucket'].map((store) => text(tensorboard('--store', store).stderr)),
  );
  expect(ofEmpty).toContain(`train quick --out ${empty}`);
  expect(ofBucket).toContain('aws s3 sync s3://bucket/runs copy/runs');
});

test.skipIf(!readersPython())('it serves the curves of the runs until Ctrl-C', async () => {
  await writeRun('monday');
  const child = tensorboard('--store', folder, '--port', '0');
  const code = new Promise((resolve) => child.once('close', resolve));
  let printed = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (data) => {
      printed += data;
      const [address] = /http:\/\/127\.0\.0\.1:\d+\//.exec(printed) ?? [];
      if (address) resolve(address);
    });
    void code.then(() => reject(new Error(printed)));
  });
  expect(printed).not.toContain('TensorFlow installation not found');

  expect(await (await fetch(`${url}data/runs`)).json()).toEqual(['monday']);
  const points = await fetch(`${url}data/plugin/scalars/scalars?run=monday&tag=training/loss`);
  expect(await points.json()).toEqual([[expect.any(Number), 1, 1.5]]);
  const listed = await fetch(`${url}data/plugin/hparams/session_groups`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      ...{
        experimentName: '',
        allowedStatuses: ['STATUS_UNKNOWN', 'STATUS_SUCCESS', 'STATUS_RUNNING'],
        startIndex: 0,
        sliceSize: 9,
      },
      colParams: [{ metric: { group: '', tag: 'training/loss' } }],
    }),
  });
  const { sessionGroups } = (await listed.json()) as { sessionGroups: Record<string, unknown>[] };
  expect(sessionGroups).toHaveLength(1);
  expect(sessionGroups[0]!.hparams).toMatchObject({
    learningRate: 0.8,
    optimizer: 'muon',
    recipe: 'quick',
    seed: 7,
    nesterov: true,
  });
  expect(sessionGroups[0]!.metricValues).toContainEqual(
    expect.objectContaining({ name: { group: '', tag: 'training/loss' }, value: 1.5 }),
  );
  child.kill('SIGINT');
  expect(await code).toBe(0);
});
