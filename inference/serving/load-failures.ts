/** A version that could not be loaded. */
export interface LoadFailure {
  readonly version: string;
  readonly error: unknown;
  readonly attempts: number;
  /** When the last attempt began, by `Date.now()`; not when it ended, since the process may have been frozen in between. */
  readonly startedAt: number;
}

/** Remembers the versions that failed to load, so that each is retried less and less often, whoever requests it. */
export interface LoadFailures {
  record(version: string, error: unknown, startedAt: number): LoadFailure;
  get(version: string): LoadFailure | undefined;
  /** The failure of a version that must not be retried yet. */
  recent(version: string): LoadFailure | undefined;
  clear(version: string): void;
}

const MAX_FAILURES = 100;

/** The delay is doubled after each attempt, up to this many times. */
const MAX_DOUBLINGS = 7;

/** @param retryAfter milliseconds; the first retry waits twice as long, every further one twice as long as the one before */
export function loadFailures(retryAfter: number): LoadFailures {
  /** By version, the oldest failure first. */
  const failures = new Map<string, LoadFailure>();
  return {
    record(version, error, startedAt) {
      const failure = { version, error, attempts: (failures.get(version)?.attempts ?? 0) + 1, startedAt };
      failures.delete(version);
      failures.set(version, failure);
      const [oldest] = failures.keys();
      if (failures.size > MAX_FAILURES) failures.delete(oldest!);
      return failure;
    },
    get: (version) => failures.get(version),
    recent(version) {
      const failure = failures.get(version);
      if (!failure) return undefined;
      const delay = retryAfter * 2 ** Math.min(failure.attempts, MAX_DOUBLINGS);
      return Math.abs(Date.now() - failure.startedAt) < delay ? failure : undefined;
    },
    clear(version) {
      failures.delete(version);
    },
  };
}
