import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cifar10Data } from '#models/data-identity.ts';
import { openEventLog } from '#models/run-events.ts';
import { beginRun, writeResult } from '#models/runs.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { createSubmission } from '#models/submissions.ts';
import type { TrainingEvent } from '#training/record/events.ts';
import { describeProgress, readProgress } from '../runs/run-progress.ts';
import { runsCommand } from './runs.ts';

let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runs-command-'));
  store = folderStore(folder);
});
afterEach(() => rm(folder, { recursive: true }));

async function runs(...args: string[]): Promise<string> {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  try {
    await runsCommand()
      .exitOverride()
      .parseAsync([...args, '--store', folder], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return stripVTControlCharacters(printed);
}

const now = () => new Date().toISOString();

function started({ fromStep = 0 } = {}): TrainingEvent {
  const about = { run: 'a', recipe: 'quick', seed: 1, parameters: 10, engine: 'test' };
  return { at: now(), type: 'started', ...about, epochs: 8, steps: 800, fromStep };
}

function step(epoch: number): TrainingEvent {
  const rates = { loss: 1, learningRate: 0.1, imagesPerSecond: 900, etaSeconds: 65.5 };
  return { at: now(), type: 'step', step: 100 * epoch, steps: 800, epoch, ...rates };
}

function epoch(number: number, accuracy: number): TrainingEvent {
  const validation = { accuracy, loss: 1 };
  return { at: now(), type: 'epoch', epoch: number, step: 100 * number, loss: 1, validation, trainingSeconds: 10 };
}

/** A run with events, each in an object of its own. */
async function begin(run: string, ...events: TrainingEvent[]): Promise<void> {
  await beginRun(store, run, { recipe: 'quick', seed: 7, data: cifar10Data, settings: {} });
  const log = await openEventLog<TrainingEvent>(store, run, { everySeconds: 3600 });
  for (const event of events) {
    log.append(event);
    await log.flush();
  }
  await log.close();
}

describe('cifar10 runs', () => {
  it('says what to do if there is no run, in the store that was asked for', async () => {
    expect(await runs()).toBe(`${folder} has no runs yet. Begin one with "./cifar10 train quick --out ${folder}".\n`);
    expect(JSON.parse(await runs('--json'))).toEqual([]);
  });

  it('lists each run with what is known of it, the newest first', async () => {
    await begin('done', started(), step(8), epoch(8, 0.86));
    const accuracy = { plain: 0.8714, tta: 0.8801 };
    await writeResult(store, 'done', { at: now(), version: 'v', accuracy, trainingSeconds: 134, steps: 800 });
    await begin('running', started(), step(3), epoch(3, 0.712), step(3.25));
    await begin('killed', started(), { ...step(5), at: '2026-11-23T04:12:30.000Z' });
    await begin('left', started(), step(4), {
      at: now(),
      type: 'interrupted',
      signal: 'SIGINT',
      step: 400,
      resume: '',
    });
    await begin('broken', started(), { at: now(), type: 'failed', message: 'no memory' });
    await createSubmission(store, 'queued', { at: now(), by: 'ada', command: ['train', 'quick', '--run', 'queued'] });
    await store.put('runs/torn/args.json', new TextEncoder().encode('{'));

    const lines = (await runs()).trimEnd().split('\n');
    const line = (run: string) => lines.find((each) => each.startsWith(`${run} `))?.split(/ {2,}/);
    expect(lines[0]!.split(/ {2,}/)).toEqual([
      'run',
      'state',
      'recipe',
      'seed',
      'data',
      'accuracy',
      'with TTA',
      'training',
      'version',
    ]);
    const about = ['quick', '7', 'cifar10'];
    expect(line('done')).toEqual(['done', 'finished', ...about, '87.14 %', '88.01 %', '2:14', 'v']);
    expect(line('running')).toEqual([
      'running',
      'running',
      ...about,
      '71.20 % held out',
      expect.stringMatching(/^epoch 3.3 of 8, 1:0\d left$/),
    ]);
    expect(line('killed')).toEqual(['killed', 'interrupted', ...about, 'epoch 5 of 8']);
    expect(line('left')?.slice(0, 2)).toEqual(['left', 'interrupted']);
    expect(line('broken')).toEqual(['broken', 'failed', ...about, 'epoch 0 of 8']);
    expect(line('queued')).toEqual(['queued', 'submitted']);
    expect(line('torn')).toEqual(['torn', 'damaged', expect.stringContaining('runs/torn/args.json is malformed')]);
    expect(lines).toHaveLength(8);
    expect(JSON.parse(await runs('--json'))).toContainEqual(
      expect.objectContaining({ run: 'done', state: 'finished', result: expect.objectContaining({ accuracy }) }),
    );
  });
});

describe('the progress of a run', () => {
  it('is that of its last steps, also after it was resumed', async () => {
    await begin('a', started(), step(2), epoch(2, 0.6), step(2.5), started({ fromStep: 200 }));
    const progress = await readProgress(store, 'a');
    expect(progress).toMatchObject({ last: 'started', epoch: 2, epochs: 8, heldOut: 0.6 });
    expect(describeProgress(progress!)).toBe('epoch 2 of 8, held out 60.00 %');
  });

  it('counts the time left down between two events', () => {
    const at = new Date('2026-11-23T04:12:00Z');
    const progress = { last: 'step', at, epoch: 1, epochs: 2, secondsLeft: 65 } as const;
    expect(describeProgress(progress, { now: new Date('2026-11-23T04:12:05Z') })).toBe('epoch 1 of 2, 1:00 left');
    expect(describeProgress(progress, { now: new Date('2026-11-23T04:14:00Z') })).toBe('epoch 1 of 2, almost done');
  });

  it('is unknown before the first event', async () => {
    expect(await readProgress(store, 'nothing')).toBeUndefined();
  });
});
