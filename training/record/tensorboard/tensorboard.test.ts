import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEventLog } from '#models/run-events.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readersPython } from '#setup/readers.mjs';
import { smallDataset } from '../../data/small-dataset.fixture.ts';
import { resolveRecipe } from '../../recipe/settings.ts';
import { train } from '../../run/train.ts';
import type { TrainingEvent } from '../events.ts';
import { openBoard } from './board.ts';
import { crc32c } from './crc32c.ts';
import { encodeEventFile, type Scalar } from './event-file.ts';

let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tensorboard-'));
  store = folderStore(folder);
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

test.each([
  // RFC 3720, appendix B.4
  [new Uint8Array(32), 0x8a9136aa],
  [new Uint8Array(32).fill(255), 0x62a8ab43],
  [Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
  [new TextEncoder().encode('123456789'), 0xe3069283],
])('crc32c of known bytes', (bytes, checksum) => {
  expect(crc32c(bytes)).toBe(checksum);
});

const python = readersPython();

/** What TensorBoard itself finds under a folder: of each run and tag its steps and values, and the files' checksums held. */
async function read(logdir: string): Promise<Record<string, Record<string, [step: number, value: number][]>>> {
  const program = `
import json, math, sys
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
runs = EventMultiplexer(tensor_size_guidance={'tensors': 0}).AddRunsFromDirectory(sys.argv[1])
runs.Reload()
found = {}
for run, tags in runs.Runs().items():
    found[run] = {tag: [(e.step, float(e.tensor_proto.float_val[0])) for e in runs.Tensors(run, tag)] for tag in tags['tensors']}
json.dump(found, sys.stdout)`;
  const { stdout } = await promisify(execFile)(python!, ['-c', program, logdir], { maxBuffer: 1e8 });
  return JSON.parse(stdout);
}

const step = (number: number, loss = number / 7): TrainingEvent => ({
  at: new Date(1.8e12 + 1000 * number).toISOString(),
  type: 'step',
  ...{ step: number, steps: 20, epoch: number / 10, loss, learningRate: 0.1, imagesPerSecond: 500, etaSeconds: 1 },
});
const started = (fromStep: number): TrainingEvent => ({
  at: new Date(1.8e12).toISOString(),
  type: 'started',
  ...{ run: 'a', recipe: 'tiny', seed: 1, epochs: 2, steps: 20, parameters: 1, engine: 'none', fromStep },
});
const recovered = (fromStep: number, toStep: number): TrainingEvent => ({
  at: new Date(1.8e12).toISOString(),
  type: 'recovered',
  ...{ fromStep, toStep, reason: 'NaN', learningRateFactor: 0.5 },
});

/** An attempt at the run: it keeps events and board as training does. */
async function attempt(...events: readonly TrainingEvent[]): Promise<void> {
  const log = await openEventLog<TrainingEvent>(store, 'a');
  const board = await openBoard(store, 'a');
  for (const event of events) {
    log.append(event);
    board.append(event);
  }
  await log.close();
  await board.flush();
}

const steps = (from: number, to: number, loss?: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => step(from + index, loss));

describe.skipIf(python === undefined)('TensorBoard itself (skipped without `npm run setup -- --with-tests`)', () => {
  test('reads what was written, whatever it is', async () => {
    const scalars = fc.array(
      fc.record({
        tag: fc.string({ minLength: 1, unit: 'grapheme' }),
        value: fc.float({ noNaN: true, noDefaultInfinity: true }), // Which JSON has none of.
      }),
      { minLength: 1, maxLength: 300 },
    );
    // One process for all: a hundred files, each a run.
    const samples = fc.sample(scalars, { numRuns: 100, seed: 3 });
    const files = samples.map((each) =>
      each.map((scalar, index): Scalar => ({ ...scalar, step: index * 7_000_000_019, wallTime: 1.8e9 + index })),
    );
    for (const [number, file] of files.entries()) {
      await store.put(`runs/${number}/events.out.tfevents.1`, encodeEventFile(file, 1.8e9));
    }
    const found = await read(folder);
    for (const [number, file] of files.entries()) {
      const expected = new Map<string, [step: number, value: number][]>();
      for (const { tag, step: at, value } of file) expected.set(tag, [...(expected.get(tag) ?? []), [at, value]]);
      expect(new Map(Object.entries(found[`runs/${number}`]!))).toEqual(expected);
    }
  });

  test('shows one line of a run that was killed, interrupted, and went back', async () => {
    await attempt(started(0), ...steps(1, 9)); //                              killed; its checkpoint was of step 5
    await attempt(started(5), ...steps(6, 12, 100), recovered(12, 8), ...steps(9, 11, 200));
    await attempt(started(11), ...steps(12, 20, 300));

    const { 'runs/a': run } = await read(folder);
    const line = run!['training/loss']!;
    expect(line.map(([at]) => at)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(line.slice(4, 12).map(([, value]) => value)).toEqual([
      expect.closeTo(5 / 7, 6),
      ...[100, 100, 100],
      ...[200, 200, 200],
      300,
    ]);
    const files: string[] = [];
    for await (const { key } of store.list('runs/a/events.out')) files.push(key);
    expect(files).toHaveLength(1);
  });

  test('shows a real run with all of its figures', async () => {
    const data = await smallDataset(272, 60);
    const recipe = resolveRecipe('tiny', ['heldOut=16', 'batchSize=64', 'epochs=2', 'engine=auto']);
    const spool = folderStore(join(folder, 'spool'));
    const outcome = await train({ recipe, seed: 1, data, store, spool, run: 'b', resume: '', emit: () => {} });
    const { 'runs/b': run } = await read(folder);
    expect(Object.keys(run!).sort()).toEqual([
      '_hparams_/session_end_info',
      '_hparams_/session_start_info',
      'test/accuracy',
      'test/accuracy_with_augmentation',
      'test/loss',
      'training/images_per_second',
      'training/learning_rate',
      'training/loss',
      'validation/accuracy',
      'validation/loss',
    ]);
    expect(run!['validation/accuracy']!.map(([at]) => at)).toEqual([4, 8]);
    const { plain } = outcome.status === 'finished' ? outcome.result.accuracy : { plain: Number.NaN };
    expect(run!['test/accuracy']).toEqual([[8, expect.closeTo(plain, 6)]]);
  });
});
