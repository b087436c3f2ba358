import { totalmem } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Card } from '#models/card.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readVersion, UnknownVersion, type VerifiedVersion, VersionTooLarge } from '#models/versions.ts';
import { NetworkTooLarge } from '../engine/memory/layout.ts';
import type { Log } from '../telemetry/log.ts';
import { type Classifier, loadClassifier } from './classifier.ts';
import type { LoadFailures } from './load-failures.ts';
import { ModelUnavailable } from './model-errors.ts';
import { withTimeout } from './with-timeout.ts';

/** Loaded models, by version. A model that is in use is never evicted. */
export interface ModelCache {
  /**
   * Leases a model, and loads it if it is not loaded; concurrent callers share one load. The caller must release the lease.
   *
   * @throws the version cannot be loaded; the failure is recorded unless the store has no such version
   */
  acquire(version: string): Promise<ModelLease>;
}

interface LoadedModel {
  readonly version: string;
  readonly card: Card;
  readonly classifier: Classifier;
}

/** The right to use a model until `release` is called. */
export interface ModelLease extends LoadedModel {
  /** Another lease of the same model, to be released separately. */
  share(): ModelLease;
  release(): void;
}

export interface ModelCacheOptions {
  readonly store: ObjectStore;
  readonly log: Log;
  readonly failures: LoadFailures;
  /** Number of unused models that stay loaded, the most recently used. @default 3 */
  readonly keep?: number | undefined;
  /** Bytes that this process may use. @default all of the machine's or the container's memory */
  readonly memory?: number | undefined;
  /** Milliseconds after which reading a version from the store times out. */
  readonly timeout: number;
}

/**
 * Peak memory while loading, per byte of the files: the bytes as read, as numbers, and laid out for the engine, where a 3x3
 * kernel takes four times as much. Measured with nets of 16 to 230 MB: 6.5 to 7.3. The feature maps of large images, such as 70 MB
 * for a net of 0.6 MB at 128 pixels, are counted when the engine lays the network out.
 */
const PEAK_MEMORY_PER_BYTE = 8;

/** A version that is loaded or being loaded. */
interface Entry {
  readonly loading: Promise<LoadedModel>;
  model: LoadedModel | undefined;
  /** Leases, and callers that wait for one. */
  users: number;
}

export function modelCache(options: ModelCacheOptions): ModelCache {
  const { store, log, failures, keep = 3, memory = machineMemory(), timeout } = options;
  /** By version, the least recently used first. */
  const entries = new Map<string, Entry>();

  async function acquire(version: string): Promise<ModelLease> {
    const startedAt = Date.now();
    const entry = entries.get(version) ?? { loading: load(version), model: undefined, users: 0 };
    entries.delete(version);
    entries.set(version, entry);
    entry.users++;
    try {
      entry.model = await entry.loading;
    } catch (error) {
      if (entries.get(version) === entry) {
        entries.delete(version);
        // Clients may request any version. Checking that one is absent is cheap, and it may be published at any time.
        if (!(error instanceof UnknownVersion)) failures.record(version, error, startedAt);
      }
      throw error;
    }
    failures.clear(version);
    return leaseOf(entry, entry.model);
  }

  /** The lease that `entry.users` already counts. */
  function leaseOf(entry: Entry, model: LoadedModel): ModelLease {
    return {
      ...model,
      share() {
        entry.users++;
        return leaseOf(entry, model);
      },
      release() {
        entry.users--;
        evictUnused(keep);
      },
    };
  }

  async function load(version: string): Promise<LoadedModel> {
    const started = performance.now();
    const { card, classifier } = await open(version).catch(async (error) => {
      const isTooLarge = error instanceof VersionTooLarge || error instanceof NetworkTooLarge;
      if (!isTooLarge || !evictUnused(0)) throw error;
      await collectGarbage();
      return open(version);
    });
    log('info', 'model loaded', { version, milliseconds: Math.round(performance.now() - started) });
    return { version, card, classifier };
  }

  /** @throws {VersionTooLarge | NetworkTooLarge} there is too little memory for it now */
  async function open(version: string): Promise<Pick<LoadedModel, 'card' | 'classifier'>> {
    // Without a timeout, a read that hangs would block every request for this version.
    const files = await withTimeout(read(version), timeout, () => ModelUnavailable.timedOut(store, timeout));
    return { card: files.card, classifier: await loadClassifier(files, memory - process.memoryUsage.rss()) };
  }

  function read(version: string): Promise<VerifiedVersion> {
    return readVersion(store, version, { only: ['model.json', 'weights.bin'], atMost: maxFileBytes(memory) });
  }

  /** @param kept number of unused models to keep, the most recently used @returns whether any model was evicted */
  function evictUnused(kept: number): boolean {
    const evicted = [...entries].filter(([, { users }]) => users === 0).slice(0, -kept || undefined);
    for (const [version, { model }] of evicted) {
      entries.delete(version);
      model?.classifier.dispose();
    }
    return evicted.length > 0;
  }

  return { acquire };
}

/** Bytes. In a container, its limit. */
function machineMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

/** @param memory bytes that the process may use @returns bytes of files that fit beside what is loaded already */
function maxFileBytes(memory: number): number {
  return Math.max(0, memory - process.memoryUsage.rss()) / PEAK_MEMORY_PER_BYTE;
}

/** Frees the memory of evicted models. WebAssembly memory is freed one collection after its owner. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
  await nextTurn();
  collect();
}
