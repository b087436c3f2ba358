import type { ChildProcess } from 'node:child_process';
import { type FSWatcher, watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrainingEvent } from '../record/events.ts';
import { type Ended, trainingProcess } from '../run/training-process.fixture.ts';

/** When a training process is ended. Delays are in milliseconds. */
export type Moment =
  | { readonly when: 'a step is done'; readonly steps: number }
  /** Since the start of the process, whatever it is doing. */
  | { readonly when: 'time has passed'; readonly delay: number }
  /** After the file of a checkpoint was begun: it is written, read back, pointed to. */
  | { readonly when: 'a checkpoint is written'; readonly steps: number; readonly delay: number }
  | { readonly when: 'the test images are evaluated'; readonly delay: number }
  /** After the first file of the version was begun. */
  | { readonly when: 'the version is published'; readonly delay: number };

/** What ends it. */
export type Blow = 'SIGKILL' | 'SIGTERM' | 'SIGINT' | 'SIGINT twice';

export interface TrainingRun {
  /** Words of the command line. */
  readonly words: readonly string[];
  /** The folder of `--out`. */
  readonly store: string;
  readonly run: string;
}

/** Starts a training process and strikes at a moment, unless it ends before that. */
export async function endedAt(moment: Moment, blow: Blow, { words, store, run }: TrainingRun): Promise<Ended> {
  let child: ChildProcess | undefined;
  let isStruck = false;
  const strike = async (delay = 0) => {
    if (isStruck) return;
    isStruck = true;
    if (delay > 0) await sleep(delay);
    const [signal, isTwice] = blow === 'SIGINT twice' ? (['SIGINT', true] as const) : ([blow, false] as const);
    child?.kill(signal);
    if (isTwice) await sleep(5).then(() => child?.kill(signal));
  };

  const done = { from: 0, step: 0, of: Number.POSITIVE_INFINITY };
  const onEvent = (event: TrainingEvent) => {
    if (event.type === 'started') Object.assign(done, { from: event.fromStep, step: event.fromStep, of: event.steps });
    else if (event.type === 'checkpoint') done.step = event.step;
    else return;
    if (moment.when === 'a step is done' && done.step >= done.from + moment.steps) void strike();
    if (moment.when === 'the test images are evaluated' && done.step === done.of) void strike(moment.delay);
  };
  const onStart = (started: ChildProcess) => {
    child = started;
    if (moment.when === 'time has passed') void strike(moment.delay);
  };
  const onFile = (name: string) => {
    if (moment.when === 'the version is published') void strike(moment.delay);
    if (moment.when !== 'a checkpoint is written' || !name.endsWith('.draft')) return;
    if (done.step >= done.from + moment.steps) void strike(moment.delay);
  };

  const watcher = await watched(moment, store, run, onFile);
  try {
    return await trainingProcess(words, { onEvent, onStart });
  } finally {
    watcher?.close();
  }
}

async function watched(
  { when }: Moment,
  store: string,
  run: string,
  onFile: (name: string) => void,
): Promise<FSWatcher | undefined> {
  const folders: Partial<Record<Moment['when'], string>> = {
    'a checkpoint is written': join(store, 'runs', run, 'checkpoints'),
    'the version is published': join(store, 'models'),
  };
  const folder = folders[when];
  if (folder === undefined) return undefined;
  await mkdir(folder, { recursive: true });
  return watch(folder, (_, name) => onFile(name ?? ''));
}
