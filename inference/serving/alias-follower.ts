import { setTimeout as sleep } from 'node:timers/promises';
import { readAlias } from '#models/aliases.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { UnknownVersion } from '#models/versions.ts';
import type { Log } from '../telemetry/log.ts';
import type { LoadFailure, LoadFailures } from './load-failures.ts';
import type { ModelCache, ModelLease } from './model-cache.ts';
import { ModelUnavailable, NoModelYet } from './model-errors.ts';
import { withTimeout } from './with-timeout.ts';

/** Milliseconds. */
export interface FollowTimes {
  /** A request reads the alias again, without waiting for it, if it was last read longer ago than this. */
  readonly refreshAfter: number;
  /** A request waits for the alias to be read if it was last read longer ago: no answer comes from a model replaced before that. */
  readonly staleAfter: number;
  /** Longest time that requests wait for a refresh before the old model answers. */
  readonly maxWait: number;
  /** A refresh that takes longer has timed out, and the next request starts another. */
  readonly timeout: number;
  /** While no model is loaded, the alias is read again after this. */
  readonly retryAfter: number;
}

/** Serves the version that an alias points to, and follows the alias as it moves. */
export interface AliasFollower {
  /**
   * Leases the model that answers for the alias now.
   *
   * @throws {NoModelYet} the alias does not exist
   * @throws {ModelUnavailable} its version cannot be loaded, and no earlier one is
   */
  acquire(): Promise<ModelLease>;
  /** Why the version that the alias points to does not answer; `undefined` if it does. */
  failure(): LoadFailure | undefined;
  /** Ends the following: the model of a refresh that is still running is not kept. */
  stop(): void;
}

export interface AliasFollowerOptions {
  readonly alias: string;
  readonly store: ObjectStore;
  readonly cache: ModelCache;
  readonly failures: LoadFailures;
  readonly times: FollowTimes;
  readonly log: Log;
}

interface Refresh {
  /** Never rejects. */
  readonly done: Promise<void>;
  readonly startedAt: number;
  /** When the first request began to wait. All requests together wait no longer than one would. */
  awaitedSince: number | undefined;
}

/**
 * Requests drive the refreshes, not timers: Lambda runs nothing between requests. A new version is loaded beside the old one,
 * which answers until the new one has passed its golden images, and keeps answering if it does not.
 */
export function followAlias({ alias, store, cache, failures, times, log }: AliasFollowerOptions): AliasFollower {
  /** When the last completed refresh began, by `Date.now()`, which keeps counting while a Lambda is frozen. */
  let checkedAt = 0;
  let serving: ModelLease | undefined;
  /** Why the version that the alias points to did not load. */
  let failure: LoadFailure | undefined;
  /** Why nothing is served. */
  let error: unknown;
  let refreshing: Refresh | undefined;
  /** Counts the refreshes: one that has timed out must not undo the result of a later one. */
  let generation = 0;

  /** One refresh at a time. One older than the timeout was frozen with its process; its connections are dead. */
  function refresh(): Refresh {
    if (refreshing && Math.abs(Date.now() - refreshing.startedAt) <= times.timeout) return refreshing;
    const next = { done: runRefresh(), startedAt: Date.now(), awaitedSince: undefined };
    refreshing = next;
    return next;
  }

  async function waitFor(awaited: Refresh): Promise<void> {
    awaited.awaitedSince ??= Date.now();
    const left = times.maxWait - (Date.now() - awaited.awaitedSince);
    await Promise.race([awaited.done, sleep(Math.max(0, left), undefined, { ref: false })]);
  }

  async function runRefresh(): Promise<void> {
    const own = ++generation;
    const startedAt = Date.now();
    try {
      await withTimeout(update(own), times.timeout, () => ModelUnavailable.timedOut(store, times.timeout));
    } catch (caught) {
      if (own !== generation) return;
      error = caught;
      log('error', 'alias not refreshed', { alias, serving: serving?.version, error });
    }
    if (own !== generation) return;
    // Not the end: the process may have been frozen in between, and what was read is as old as the start.
    checkedAt = startedAt;
    refreshing = undefined;
  }

  async function update(own: number): Promise<void> {
    const target = (await readAlias(store, alias))?.version;
    if (own !== generation) return;
    error = undefined;
    if (target === undefined) {
      // Deleting an alias does not stop its model from answering. To stop it, take the endpoint down.
      if (!serving) error = new NoModelYet(alias, store);
    } else if (target === serving?.version) {
      failure = undefined;
    } else {
      const recent = failures.recent(target);
      if (!recent) return replace(target, own);
      failure = recent;
      error = recent.error;
    }
  }

  async function replace(target: string, own: number): Promise<void> {
    const startedAt = Date.now();
    let next: ModelLease;
    try {
      next = await cache.acquire(target);
    } catch (caught) {
      if (own !== generation) return;
      failure = caught instanceof UnknownVersion ? failures.record(target, caught, startedAt) : failures.get(target);
      error = caught;
      log('error', 'model refused', {
        ...{ alias, version: target, serving: serving?.version, attempts: failure?.attempts, error },
      });
      return;
    }
    if (own !== generation) return next.release();
    const before = serving;
    serving = next;
    failure = undefined;
    if (!before) return;
    log('info', 'model replaced', { alias, from: before.version, to: next.version });
    before.release();
  }

  return {
    async acquire() {
      const askedAt = Date.now();
      const age = Math.abs(askedAt - checkedAt); // If the clock was set back, the alias is read again.
      if (!serving) {
        if (error === undefined || age > times.retryAfter) await refresh().done;
      } else if (age > times.staleAfter) {
        const awaited = refresh();
        await waitFor(awaited);
        // One that was running already may have read the alias too long before this request.
        if (askedAt - awaited.startedAt > times.staleAfter) await waitFor(refresh());
      } else if (age > times.refreshAfter) {
        void refresh();
      }
      if (serving) return serving.share();
      throw error instanceof NoModelYet
        ? error
        : ModelUnavailable.because(`The model of alias "${alias}"`, error, store);
    },
    failure: () => failure,
    stop() {
      generation++;
      serving?.release();
      serving = undefined;
    },
  };
}
