import { mapInOrder } from '#environment/map-in-order.ts';
import { MalformedObject } from '#models/json.ts';
import { type RunArguments, type RunResult, readArguments, readResult } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readSubmission } from '#models/submissions.ts';
import { type RunProgress, readProgress } from './run-progress.ts';

/** Reads in flight at a time. */
const PARALLEL = 8;
/** Seconds without an event after which a run is taken for dead: it reports each second, except while it tests. */
const SILENCE = 120;

/** `measured`: a run of a sweep that has ended, and is not published. */
export type RunState = 'submitted' | 'running' | 'interrupted' | 'failed' | 'measured' | 'finished' | 'damaged';

export interface ListedRun {
  readonly run: string;
  readonly state: RunState;
  /** When its first object was written. */
  readonly begunAt: Date;
  /** Absent for a run that was submitted, and has not begun. */
  readonly args?: RunArguments;
  /** Present for a finished run. */
  readonly result?: RunResult;
  /** Present for a run that has begun and has not finished. */
  readonly progress?: RunProgress;
  /** What is damaged. */
  readonly problem?: string;
}

/** Every run of a store, the newest first. */
export async function listRuns(store: ObjectStore): Promise<ListedRun[]> {
  const begun = new Map<string, Date>();
  for await (const { key, modified } of store.list('runs/')) {
    const [, run, name, ...deeper] = key.split('/');
    if (run === undefined || deeper.length > 0 || (name !== 'args.json' && name !== 'submission.json')) continue;
    const known = begun.get(run);
    if (known === undefined || modified < known) begun.set(run, modified);
  }
  const runs: ListedRun[] = [];
  for await (const [, run] of mapInOrder([...begun], PARALLEL, ([run, at]) => readRun(store, run, at))) runs.push(run);
  return runs.sort((a, b) => b.begunAt.getTime() - a.begunAt.getTime() || (a.run < b.run ? 1 : -1));
}

async function readRun(store: ObjectStore, run: string, begunAt: Date): Promise<ListedRun> {
  try {
    const [args, result, submission] = await Promise.all([
      readArguments(store, run),
      readResult(store, run),
      readSubmission(store, run),
    ]);
    const at = submission ? new Date(submission.at) : begunAt;
    if (args === undefined) return { run, state: 'submitted', begunAt: at };
    if (result !== undefined) return { run, state: 'finished', begunAt: at, args, result };
    const progress = await readProgress(store, run);
    return { run, state: stateAfter(progress), begunAt: at, args, ...(progress && { progress }) };
  } catch (error) {
    if (!(error instanceof MalformedObject)) throw error; // A damaged run does not hide the others.
    return { run, state: 'damaged', begunAt, problem: error.message };
  }
}

function stateAfter(progress: RunProgress | undefined): RunState {
  if (progress === undefined) return 'interrupted';
  if (progress.last === 'failed' || progress.last === 'measured') return progress.last;
  const isSilent = Date.now() - progress.at.getTime() > 1000 * SILENCE;
  return progress.last === 'interrupted' || isSilent ? 'interrupted' : 'running';
}
