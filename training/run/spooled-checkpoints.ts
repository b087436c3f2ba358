import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { home } from '#environment/home.ts';
import { sha256Of } from '#models/manifest.ts';
import { runKey } from '#models/runs.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { type ObjectStore, WriteConflict } from '#models/stores/object-store.ts';
import { needsRepair } from '#models/stores/retrying-store.ts';
import { type Checkpoint, type Checkpoints, openCheckpoints } from './checkpoint.ts';

/** How long the training waits for the store. A slower write continues beside the training, until the next checkpoint. */
const WAIT_SECONDS = 10;

interface SpooledCheckpointsOptions {
  /** A retrying store: its failures are final. */
  readonly store: ObjectStore;
  /** Takes the checkpoints on this machine while the store is unavailable; undefined where nothing here outlives the process. */
  readonly spool: ObjectStore | undefined;
  readonly run: string;
}

interface Saved {
  readonly key: string;
  readonly where: ObjectStore;
}

interface SpooledCheckpoints {
  readonly latest: (NonNullable<Checkpoints['latest']> & { readonly where: ObjectStore }) | undefined;
  /**
   * @returns where it was saved, if anywhere, and why it is not in the store
   * @throws {WriteConflict} another process is training the same run
   * @throws {StoreUnavailable} there is no spool, and for the second time a person has to repair the store: nothing that is
   *   trained from here on would be kept
   */
  save(checkpoint: Checkpoint): Promise<{ readonly saved?: Saved; readonly trouble?: Error }>;
}

/**
 * The checkpoints of a run whose store may become unavailable. Each is tried in the store first, and else kept on this
 * machine. Once the store has a later one, those on this machine are deleted.
 *
 * @throws as `openCheckpoints`
 */
export async function openSpooledCheckpoints(options: SpooledCheckpointsOptions): Promise<SpooledCheckpoints> {
  const { store, spool, run } = options;
  const stored = await openCheckpoints(store, run);
  const spooled = spool && (await openCheckpoints(spool, run));
  let isSpooled = spooled?.latest !== undefined;
  /** Consecutive checkpoints that the store refused. */
  let refusals = 0;
  /** The last write to the store, which may not have ended yet. */
  let attempt: Promise<{ readonly key: string } | { readonly error: unknown }> | undefined;

  const toStore = async (checkpoint: Checkpoint): Promise<string> => {
    const busy = Symbol('with an earlier checkpoint');
    if (attempt !== undefined && (await Promise.race([attempt, busy])) === busy) throw slow(store);
    attempt = stored.save(checkpoint).then(
      (key) => ({ key }),
      (error: unknown) => ({ error }),
    );
    const waiting = new AbortController();
    const patience = sleep(1000 * WAIT_SECONDS, undefined, { signal: waiting.signal }).catch(() => undefined);
    const outcome = await Promise.race([attempt, patience]);
    waiting.abort();
    if (outcome === undefined) throw slow(store);
    if ('error' in outcome) throw outcome.error;
    return outcome.key;
  };

  return {
    latest: later(
      stored.latest && { ...stored.latest, where: store },
      spool && spooled?.latest && { ...spooled.latest, where: spool },
    ),
    async save(checkpoint) {
      try {
        const key = await toStore(checkpoint);
        if (isSpooled) await clearSpool(spool, run);
        isSpooled = false;
        refusals = 0;
        return { saved: { key, where: store } };
      } catch (error) {
        if (error instanceof WriteConflict) throw error;
        refusals = needsRepair(error) ? refusals + 1 : 0;
        if (spool === undefined && refusals === 2) throw error;
        const trouble = error instanceof Error ? error : new Error(String(error));
        isSpooled = true;
        const key = await spooled?.save(checkpoint).catch(() => undefined); // The store's trouble is what is reported.
        return { trouble, ...(spool && key !== undefined && { saved: { key, where: spool } }) };
      }
    },
  };
}

/** The folder in which checkpoints wait for a store: one for each store, since names of runs are unique only within one. */
export function spoolFor({ url }: ObjectStore): ObjectStore {
  return folderStore(join(home, 'spool', sha256Of(Buffer.from(url)).slice(0, 16)));
}

/** Deletes a run's checkpoints on this machine. */
export async function clearSpool(spool: ObjectStore | undefined, run: string): Promise<void> {
  if (spool === undefined) return;
  for await (const { key } of spool.list(runKey(run, 'checkpoint'))) await spool.delete(key);
}

/** The checkpoint that more training time went into; the step does not say, since a run may go back. */
function later(one: SpooledCheckpoints['latest'], other: SpooledCheckpoints['latest']): SpooledCheckpoints['latest'] {
  if (one === undefined || other === undefined) return one ?? other;
  return other.progress.wallSeconds > one.progress.wallSeconds ? other : one;
}

function slow({ url }: ObjectStore): Error {
  return new Error(`${url} needs more than ${WAIT_SECONDS} s for a checkpoint.`);
}
