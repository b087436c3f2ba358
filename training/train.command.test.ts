import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { folderStore } from '#models/folder-store.ts';
import { readResult } from '#models/runs.ts';
import { readVersion } from '#models/versions.ts';
import { loadCifar10 } from './data/cifar10.ts';
import type { TrainingEvent } from './events.ts';
import { hasTensorFlow } from './tensorflow.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'train-command-'));
  await loadCifar10(); // So that no process below has to fetch it.
}, 300_000);
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** The real program on the real data: a small net, and a checkpoint after each of a few dozen steps. */
const recipe = ['tiny', 'engine=tensorflow', 'batchSize=256', 'epochs=0.2', 'checkpointSeconds=0'];
const argumentsOf = (run: string, more: readonly string[] = []) => [
  'train',
  ...recipe.flatMap((word, index) => (index === 0 ? [word] : ['--set', word])),
  ...more,
  ...['--run', run, '--out', folder],
];

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly events: readonly TrainingEvent[];
  readonly errors: string;
}

/** @param onEvent is given every event as it is printed, and the process */
async function program(
  words: readonly string[],
  onEvent: (event: TrainingEvent, child: ChildProcess) => void = () => {},
  environment: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'main.ts'), ...words, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const events: TrainingEvent[] = [];
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  createInterface(child.stdout).on('line', (line) => {
    const event = JSON.parse(line) as TrainingEvent;
    events.push(event);
    onEvent(event, child);
  });
  return await new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve({ code, signal, events, errors }));
  });
}

/** Sends a signal once, when so many steps are done. */
const at = (step: number, signal: NodeJS.Signals) => {
  let isSent = false;
  return (event: TrainingEvent, child: ChildProcess) => {
    if (isSent || event.type !== 'checkpoint' || event.step < step) return;
    isSent = true;
    child.kill(signal);
  };
};

const weightsOf = async (run: string) => {
  const store = folderStore(folder);
  const { manifest } = await readVersion(store, (await readResult(store, run))!.version);
  return manifest.files.find(({ path }) => path === 'weights.bin')!.sha256;
};

describe.skipIf(!hasTensorFlow())('a training process', () => {
  test('killed, interrupted and taken away on its way comes to the weights of one that was left alone', {
    timeout: 240_000,
  }, async () => {
    expect(await program(argumentsOf('alone'))).toMatchObject({ code: 0 });

    // kill -9: nothing can be said, and the last checkpoint is what is left.
    const killed = await program(argumentsOf('hunted'), at(5, 'SIGKILL'));
    expect(killed).toMatchObject({ code: null, signal: 'SIGKILL' });

    // Ctrl-C: says where it is and how to go on.
    const interrupted = await program(argumentsOf('hunted'), at(15, 'SIGINT'));
    expect(interrupted.code).toBe(130);
    const [started] = interrupted.events;
    expect(started?.type === 'started' && started.fromStep).toBeGreaterThanOrEqual(5);
    expect(interrupted.events.at(-1)).toMatchObject({
      type: 'interrupted',
      signal: 'SIGINT',
      resume: expect.stringMatching(
        /^\.\/cifar10 train tiny --set engine=tensorflow .*--seed 1 --out \S+ --run hunted$/,
      ),
    });
    expect(interrupted.errors).toContain('SIGINT: keeping a checkpoint');

    // SIGTERM: another machine may try again.
    expect(await program(argumentsOf('hunted'), at(25, 'SIGTERM'))).toMatchObject({ code: 75 });

    expect(await program(argumentsOf('hunted'))).toMatchObject({ code: 0 });
    expect(await weightsOf('hunted')).toBe(await weightsOf('alone'));

    // Once more: it is finished, and stays as it is.
    const again = await program(argumentsOf('hunted'));
    expect(again).toMatchObject({ code: 0, events: [{ type: 'saved' }] });
    expect(again.errors).toContain('The run hunted is finished');

    // With other arguments it is another run.
    const other = await program(argumentsOf('hunted', ['--seed', '2']));
    expect(other).toMatchObject({ code: 2, events: [] });
    expect(other.errors).toContain('The run hunted exists with other arguments (seed: 1, not 2)');
  });
});

describe('bad arguments end with 2, and nothing is written', () => {
  test.each([
    [['train', 'quik'], 'did you mean "quick"?'],
    [['train', '--set', 'epoch=3'], 'did you mean "epochs"?'],
    [['train', '--seed', '-1'], 'It must be a whole number'],
    [['train', '--run', '../../etc'], 'cannot name a run'],
    [['train', '--out', 'gs://bucket'], 'is no store'],
    [['train', '--from', 's3://bucket/model'], 'is nothing to train from'],
    [['train', '--from', 'nosuch.h5'], 'nosuch.h5 cannot be read (ENOENT)'],
    [['train', '--sed', '1'], "unknown option '--sed'"],
    [['trian'], "unknown command 'trian'"],
  ])('%j', async (words, message) => {
    const ended = await program([...words]);
    expect(ended).toMatchObject({ code: 2, events: [] });
    expect(ended.errors).toContain(message);
  });
});
