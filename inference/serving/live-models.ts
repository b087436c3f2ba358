import { isAliasName } from '#models/aliases.ts';
import type { Card } from '#models/card.ts';
import { isVersionId, UnknownVersion } from '#models/versions.ts';
import { type AliasFollower, type FollowTimes, followAlias } from './alias-follower.ts';
import type { Classifier } from './classifier.ts';
import { loadFailures } from './load-failures.ts';
import { type ModelCacheOptions, type ModelLease, modelCache } from './model-cache.ts';
import { ModelUnavailable, NoModelYet } from './model-errors.ts';

/** A model that is loaded, verified and has passed its golden images. */
export interface ServedModel extends Pick<Classifier, 'classify' | 'answer'> {
  readonly version: string;
  /** The alias that was requested; `undefined` if a version was. */
  readonly alias: string | undefined;
  readonly card: Card;
}

/** The models of one store, loaded when first requested and replaced as aliases move. */
export interface LiveModels {
  /**
   * Provides a model while `work` runs: a model that is replaced in the meantime is evicted only afterwards.
   *
   * @param name a version's ID or an alias. @default the served alias
   * @throws {NoModelYet} the served alias does not exist
   * @throws {ModelUnavailable} the version exists but cannot be loaded, and no earlier one is loaded
   * @throws {UnknownVersion} the store has no such version or alias
   */
  use<Result>(name: string | undefined, work: (model: ServedModel) => Result | Promise<Result>): Promise<Result>;
  /** Why the version that the served alias points to does not answer; `undefined` if it does. */
  pending(): { readonly version: string; readonly reason: string } | undefined;
}

export interface LiveModelsOptions extends Pick<ModelCacheOptions, 'store' | 'log' | 'keep' | 'memory'> {
  /** The alias that is served when a request names no version. */
  readonly alias: string;
  /** Overrides of `TIMES`. */
  readonly times?: Partial<FollowTimes>;
}

const TIMES: FollowTimes = {
  refreshAfter: 10_000,
  staleAfter: 30_000,
  maxWait: 2_000,
  timeout: 20_000,
  retryAfter: 2_000,
};

export function liveModels({
  store,
  alias: servedAlias,
  log,
  keep,
  memory,
  times: given,
}: LiveModelsOptions): LiveModels {
  const times = { ...TIMES, ...given };
  const failures = loadFailures(times.retryAfter);
  const cache = modelCache({ store, log, failures, keep, memory, timeout: times.timeout });
  const followers = new Map<string, AliasFollower>();

  async function acquireAlias(alias: string): Promise<ModelLease> {
    const follower = followers.get(alias) ?? followAlias({ alias, store, cache, failures, times, log });
    followers.set(alias, follower);
    try {
      return await follower.acquire();
    } catch (error) {
      if (alias === servedAlias) throw error;
      // Clients may request any name.
      if (followers.get(alias) === follower) followers.delete(alias);
      follower.stop();
      throw error instanceof NoModelYet ? new UnknownVersion(alias, store) : error;
    }
  }

  async function acquireVersion(version: string): Promise<ModelLease> {
    try {
      const failure = failures.recent(version);
      if (failure) throw failure.error;
      return await cache.acquire(version);
    } catch (error) {
      throw error instanceof UnknownVersion ? error : ModelUnavailable.because(version, error, store);
    }
  }

  return {
    async use(name = servedAlias, work) {
      const alias = isVersionId(name) ? undefined : name;
      if (alias !== undefined && !isAliasName(alias)) throw new UnknownVersion(alias, store);
      const lease = alias === undefined ? await acquireVersion(name) : await acquireAlias(alias);
      try {
        const { version, card, classifier } = lease;
        return await work({ version, alias, card, classify: classifier.classify, answer: classifier.answer });
      } finally {
        lease.release();
      }
    },
    pending() {
      const failure = followers.get(servedAlias)?.failure();
      if (!failure) return undefined;
      return { version: failure.version, reason: failure.error instanceof Error ? failure.error.name : 'unknown' };
    },
  };
}
