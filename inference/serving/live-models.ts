import { totalmem } from 'node:os';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { UserError } from '#errors/user-error.ts';
import { isAliasName, readAlias } from '#models/aliases.ts';
import type { Card } from '#models/card.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { isVersionId, readVersion, UnknownVersion, type VerifiedVersion, VersionTooLarge } from '#models/versions.ts';
import type { Log } from '../telemetry/log.ts';
import { type Classifier, loadClassifier } from './classifier.ts';
import { withTimeout } from './with-timeout.ts';

/** A model that is loaded, verified and has answered its golden images. */
export interface ServedModel extends Pick<Classifier, 'classify'> {
  readonly version: string;
  /** The name that it was asked for by; `undefined` if that was the version itself. */
  readonly alias: string | undefined;
  readonly card: Card;
}

/** The models of one store, loaded once and followed as aliases move. */
export interface LiveModels {
  /**
   * Lends a model for as long as `work` runs: what is replaced meanwhile is given up only then.
   *
   * @param name a version's id or an alias. @default the alias that is served
   * @throws {NoModelYet} nothing was ever promoted
   * @throws {ModelUnavailable} it is there, and cannot be read, and no earlier one is loaded
   * @throws {UnknownVersion} the store has no such version or alias
   */
  use<Result>(name: string | undefined, work: (model: ServedModel) => Result | Promise<Result>): Promise<Result>;
  /** Why the version that the served alias points to is not the one that answers; `undefined` if it is. */
  pending(): { readonly version: string; readonly reason: string } | undefined;
}

/** Nothing can answer. The message is for those who run the endpoint; `told` is for those who ask, and names no place. */
abstract class NotServed extends UserError {
  abstract readonly told: string;
}

/** The alias that is served points nowhere yet. */
export class NoModelYet extends NotServed {
  override readonly name = 'NoModelYet';
  readonly told: string;

  constructor(alias: string, store: ObjectStore) {
    const isBucket = store.url.startsWith('s3://');
    const train = isBucket ? 'submit quick' : 'train quick';
    const [into, of] = isBucket ? ['', ''] : [` --out ${store.url}`, ` --store ${store.url}`];
    super(
      `No model is served yet: ${store.url} has no alias "${alias}". ` +
        `Train one with "./cifar10 ${train}${into}", then run "./cifar10 models promote candidate${of}".`,
    );
    this.told =
      `No model is served yet: nothing was ever promoted to "${alias}". ` +
      `Train one with "./cifar10 ${train}", then run "./cifar10 models promote candidate".`;
  }
}

/** A model should be served and cannot be. */
export class ModelUnavailable extends NotServed {
  override readonly name = 'ModelUnavailable';
  readonly told: string;

  constructor(message: string, store: ObjectStore, options?: ErrorOptions) {
    super(message, options);
    this.told = message.replaceAll(store.url, 'the store').replace(/(?<=\. )the store/g, 'The store');
  }
}

export interface LiveModelsOptions {
  readonly store: ObjectStore;
  /** What is served when nothing is asked for. */
  readonly alias: string;
  readonly log: Log;
  /** Versions kept besides the served one. @default 3 */
  readonly keep?: number;
  /** Bytes that this process may use. @default all of the machine's */
  readonly memory?: number | undefined;
  /** Milliseconds; see `TIMES`. */
  readonly times?: Partial<typeof TIMES>;
}

const TIMES = {
  /** After this a request has the alias read again, and does not wait for it. */
  refreshAfter: 10_000,
  /** After this a request waits: nobody gets an answer of a model that was replaced longer ago. */
  staleAfter: 30_000,
  /** How long such a request waits before the old model answers all the same. */
  patience: 2_000,
  /** A look at the store, or a version's load, that has not ended by then is given up, and begun again later. */
  giveUpAfter: 20_000,
  /** Where nothing could be loaded at all, the store is asked again after this; where one version fails, after its doubles. */
  retryAfter: 2_000,
};

/**
 * What loading takes at its height for each byte of the files: as read, as numbers, and laid out for the engine, where a 3x3
 * kernel is four times as large. Measured with nets of 16 to 230 MB: 6.5 to 7.3.
 */
const MEMORY_OF_A_BYTE = 8;

/** Versions of which it is remembered that they fail. */
const MAX_FAILURES = 100;

/** Where an alias stands: what it pointed to when it was read, and what answers for it. */
interface Followed {
  readonly alias: string;
  /** When the last look at it began that has ended, by `Date.now()`, which goes on while a Lambda is frozen. */
  checkedAt: number;
  serves: Slot | undefined;
  /** Of the version that it points to, if that could not be loaded. */
  failure: Failure | undefined;
  /** Why the last look at it ended as it did, if nothing is served. */
  error: unknown;
  refreshing: Look | undefined;
  /** Counts the looks: one that was given up must not undo what a later one found. */
  turn: number;
}

/** A version that could not be loaded: as long as it fails, it is loaded ever more rarely, whoever asks for it. */
interface Failure {
  readonly version: string;
  readonly error: unknown;
  readonly attempts: number;
  /** When the last of them began; not when it ended, as the process may have been frozen in between. */
  readonly at: number;
}

interface Look {
  /** Never rejects. */
  readonly done: Promise<void>;
  readonly since: number;
  /** When the first request began to wait for it: all of them together wait no longer than one would. */
  awaitedSince: number | undefined;
}

/** A version that is loaded, or being loaded. */
interface Slot {
  readonly version: string;
  readonly loading: Promise<Loaded>;
  loaded: Loaded | undefined;
  /** Requests that use it or wait for it, and aliases that it answers for. */
  holders: number;
}

interface Loaded {
  readonly card: Card;
  readonly classifier: Classifier;
}

/**
 * Follows a store by what requests ask, not by timers: in Lambda nothing runs between requests. A new version is loaded
 * beside the old one, which goes on answering until the new one has answered its golden images, or for good if it cannot.
 */
export function liveModels(options: LiveModelsOptions): LiveModels {
  const { store, alias: servedAlias, log, keep = 3, memory = memoryOfMachine() } = options;
  const times = { ...TIMES, ...options.times };
  const followed = new Map<string, Followed>();
  /** By version, the least recently used first. */
  const slots = new Map<string, Slot>();
  /** By version, the one that failed longest ago first. */
  const failures = new Map<string, Failure>();

  /** One load per version at a time. Whoever calls this holds the slot, and releases it. */
  async function hold(version: string): Promise<Slot> {
    const began = Date.now();
    const slot = slots.get(version) ?? { version, loading: load(version), loaded: undefined, holders: 0 };
    slots.delete(version);
    slots.set(version, slot);
    slot.holders++;
    try {
      slot.loaded = await slot.loading;
      failures.delete(version);
      return slot;
    } catch (error) {
      if (slots.get(version) === slot) {
        slots.delete(version);
        // Anybody may ask for what is not there. It costs little to see, and may be published at any time.
        if (!(error instanceof UnknownVersion)) remember(version, error, began);
      }
      throw error;
    }
  }

  function remember(version: string, error: unknown, at: number): Failure {
    const failure = { version, error, attempts: (failures.get(version)?.attempts ?? 0) + 1, at };
    failures.delete(version);
    failures.set(version, failure);
    const [oldest] = failures.keys();
    if (failures.size > MAX_FAILURES) failures.delete(oldest!);
    return failure;
  }

  /** Why a version is not to be loaded yet. */
  function recentFailure(version: string): Failure | undefined {
    const failure = failures.get(version);
    if (!failure) return undefined;
    const wait = times.retryAfter * 2 ** Math.min(failure.attempts, 7);
    return Math.abs(Date.now() - failure.at) < wait ? failure : undefined;
  }

  async function load(version: string): Promise<Loaded> {
    const started = performance.now();
    const files = await inTime(
      read(version).catch(async (error) => {
        if (!(error instanceof VersionTooLarge) || !giveUpUnused(0)) throw error;
        await collectGarbage();
        return read(version);
      }),
    );
    const classifier = await loadClassifier(files);
    log('info', 'model loaded', { version, milliseconds: Math.round(performance.now() - started) });
    return { card: files.card, classifier };
  }

  function read(version: string): Promise<VerifiedVersion> {
    return readVersion(store, version, { only: ['model.json', 'weights.bin'], atMost: roomForFiles(memory) });
  }

  /** What hangs would otherwise keep everybody waiting who asks for the same. */
  function inTime<Result>(work: Promise<Result>): Promise<Result> {
    return withTimeout(work, times.giveUpAfter, () => {
      return new ModelUnavailable(`${store.url} has not answered for ${times.giveUpAfter / 1000} s.`, store);
    });
  }

  function release(slot: Slot): void {
    slot.holders--;
    giveUpUnused(keep);
  }

  /** @param kept so many of those that nobody holds, the most recently used @returns whether there were more */
  function giveUpUnused(kept: number): boolean {
    const unused = [...slots.values()].filter((each) => each.holders === 0).slice(0, -kept || undefined);
    for (const { version, loaded } of unused) {
      slots.delete(version);
      loaded?.classifier.dispose();
    }
    return unused.length > 0;
  }

  function follow(alias: string): Followed {
    const entry = followed.get(alias) ?? {
      ...{ alias, checkedAt: 0, turn: 0 },
      ...{ serves: undefined, failure: undefined, error: undefined, refreshing: undefined },
    };
    followed.set(alias, entry);
    return entry;
  }

  /** One at a time. One that is older than any can be was frozen with its process, and nobody waits for its connections. */
  function refresh(entry: Followed): Look {
    const { refreshing } = entry;
    if (refreshing && Math.abs(Date.now() - refreshing.since) <= times.giveUpAfter) return refreshing;
    const next = { done: look(entry), since: Date.now(), awaitedSince: undefined };
    entry.refreshing = next;
    return next;
  }

  async function look(entry: Followed): Promise<void> {
    const turn = ++entry.turn;
    const began = Date.now();
    try {
      await inTime(update(entry, turn));
    } catch (error) {
      if (turn !== entry.turn) return;
      entry.error = error;
      log('error', 'alias not refreshed', { alias: entry.alias, serving: entry.serves?.version, error });
    }
    if (turn !== entry.turn) return;
    // Not when it ended: it may have been frozen in between, and what it saw is as old as its beginning.
    entry.checkedAt = began;
    entry.refreshing = undefined;
  }

  async function update(entry: Followed, turn: number): Promise<void> {
    const target = (await readAlias(store, entry.alias))?.version;
    if (turn !== entry.turn) return;
    entry.error = undefined;
    if (target === undefined) {
      // An alias that is taken away does not take the model with it: whoever wants that takes the endpoint down.
      if (!entry.serves) entry.error = new NoModelYet(entry.alias, store);
    } else if (target === entry.serves?.version) {
      entry.failure = undefined;
    } else {
      const failure = recentFailure(target);
      if (!failure) return replace(entry, target, turn);
      entry.failure = failure;
      entry.error = failure.error;
    }
  }

  async function replace(entry: Followed, target: string, turn: number): Promise<void> {
    const began = Date.now();
    let next: Slot;
    try {
      next = await hold(target);
    } catch (error) {
      if (turn !== entry.turn) return;
      entry.failure = error instanceof UnknownVersion ? remember(target, error, began) : failures.get(target);
      entry.error = error;
      const serving = entry.serves?.version;
      const attempts = entry.failure?.attempts;
      log('error', 'model refused', { alias: entry.alias, version: target, serving, attempts, error });
      return;
    }
    if (turn !== entry.turn) return release(next);
    const before = entry.serves;
    entry.serves = next;
    entry.failure = undefined;
    if (!before) return;
    log('info', 'model replaced', { alias: entry.alias, from: before.version, to: next.version });
    release(before);
  }

  /** What answers for an alias now; held. */
  async function holdServed(alias: string): Promise<Slot> {
    const entry = follow(alias);
    const age = Math.abs(Date.now() - entry.checkedAt); // A clock that was set back counts as much time passed.
    if (!entry.serves) {
      if (entry.error === undefined || age > times.retryAfter) await refresh(entry).done;
    } else if (age > times.staleAfter) {
      const looking = refresh(entry);
      looking.awaitedSince ??= Date.now();
      const left = times.patience - (Date.now() - looking.awaitedSince);
      await Promise.race([looking.done, sleep(Math.max(0, left), undefined, { ref: false })]);
    } else if (age > times.refreshAfter) {
      void refresh(entry);
    }
    if (entry.serves) {
      entry.serves.holders++;
      return entry.serves;
    }
    if (alias !== servedAlias) followed.delete(alias); // Anybody may ask for any name.
    throw unavailable(entry);
  }

  function unavailable({ alias, error }: Followed): UserError {
    if (error instanceof NoModelYet) return alias === servedAlias ? error : new UnknownVersion(alias, store);
    return modelUnavailable(`What "${alias}" points to`, error, store);
  }

  async function holdPinned(version: string): Promise<Slot> {
    try {
      const failure = recentFailure(version);
      if (failure) throw failure.error;
      return await hold(version);
    } catch (error) {
      throw error instanceof UnknownVersion ? error : modelUnavailable(version, error, store);
    }
  }

  return {
    async use(name = servedAlias, work) {
      const alias = isVersionId(name) ? undefined : name;
      if (alias !== undefined && !isAliasName(alias)) throw new UnknownVersion(alias, store);
      const slot = alias === undefined ? await holdPinned(name) : await holdServed(alias);
      try {
        const { card, classifier } = slot.loaded!;
        return await work({ version: slot.version, alias, card, classify: classifier.classify });
      } finally {
        release(slot);
      }
    },
    pending() {
      const failure = followed.get(servedAlias)?.failure;
      if (!failure) return undefined;
      return { version: failure.version, reason: failure.error instanceof Error ? failure.error.name : 'unknown' };
    },
  };
}

/** Bytes; of a container what it may use. */
function memoryOfMachine(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

/** @param memory that the process may use @returns bytes of a version's files that there is room for besides what is loaded */
function roomForFiles(memory: number): number {
  return Math.max(0, memory - process.memoryUsage.rss()) / MEMORY_OF_A_BYTE;
}

/** What was given up takes memory until it is collected: WebAssembly's in the round after the one that finds its owner gone. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
  await nextTurn();
  collect();
}

function modelUnavailable(what: string, cause: unknown, store: ObjectStore): ModelUnavailable {
  const reason = cause instanceof UserError ? cause.message : 'The log of the endpoint says why.';
  return new ModelUnavailable(`${what} cannot be served now. ${reason}`, store, { cause });
}
