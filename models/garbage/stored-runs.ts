import { mapInOrder } from '#environment/map-in-order.ts';
import { readArguments } from '../runs.ts';
import type { ObjectStore } from '../stores/object-store.ts';
import { parentIn, readSubmission } from '../submissions.ts';

/** Reads in flight at a time. */
const PARALLEL = 8;

/** What the runs of a store need. */
export interface StoredRuns {
  /** Runs without a result, submitted, running, interrupted or failed, by id: each may resume. */
  readonly unfinished: ReadonlyMap<string, UnfinishedRun>;
  /** Finished runs that still have checkpoints: they never resume. */
  readonly checkpoints: readonly RunCheckpoints[];
}

export interface UnfinishedRun {
  /** The version that it begins with, as it was recorded; absent where it is another beginning. */
  readonly parent?: string;
}

export interface RunCheckpoints {
  readonly run: string;
  /** What points to the files comes first. */
  readonly keys: readonly string[];
  readonly bytes: number;
}

/** @throws {MalformedObject} the arguments of an unfinished run cannot be read */
export async function readRuns(store: ObjectStore): Promise<StoredRuns> {
  const runs = new Map<string, { isFinished: boolean; keys: string[]; bytes: number }>();
  for await (const { key, size } of store.list('runs/')) {
    const [, run = '', name = ''] = key.split('/');
    const found = runs.get(run) ?? { isFinished: false, keys: [], bytes: 0 };
    runs.set(run, found);
    if (name === 'result.json') found.isFinished = true;
    else if (name === 'checkpoint.json') found.keys.unshift(key);
    else if (name === 'checkpoints') found.keys.push(key);
    else continue;
    if (name !== 'result.json') found.bytes += size;
  }
  const unfinished = new Map<string, UnfinishedRun>();
  const open = [...runs].flatMap(([run, { isFinished }]) => (isFinished ? [] : [run]));
  for await (const [run, parent] of mapInOrder(open, PARALLEL, (each) => parentOf(store, each))) {
    unfinished.set(run, { ...(parent !== undefined && { parent }) });
  }
  const checkpoints = [...runs]
    .filter(([, { isFinished, keys }]) => isFinished && keys.length > 0)
    .map(([run, { keys, bytes }]) => ({ run, keys, bytes }));
  return { unfinished, checkpoints };
}

async function parentOf(store: ObjectStore, run: string): Promise<string | undefined> {
  const [args, submission] = await Promise.all([readArguments(store, run), readSubmission(store, run)]);
  if (args === undefined) return submission && parentIn(submission);
  return args.parent && 'version' in args.parent ? args.parent.version : undefined;
}
