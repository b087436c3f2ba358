/** Exit codes after a signal, which keeps a checkpoint. */
const exitCodes = {
  /** Ctrl-C. */
  SIGINT: 130,
  /** The machine is shut down; 75 is "try again" in sysexits.h. */
  SIGTERM: 75,
} as const;

type Signal = keyof typeof exitCodes;

export interface Signals {
  /** Aborted by the first signal, with the signal's name as the reason. */
  readonly signal: AbortSignal;
  /** The exit code of a process that ends because of the signal. */
  exitCode(): number;
  /** Restores the default handling of the signals. */
  release(): void;
}

/**
 * How long after the signal a program may take to end: a checkpoint is kept in less, and whoever sent the signal kills it after
 * half a minute.
 */
const LIMIT_SECONDS = 20;

/**
 * A program that has not ended some time after the first signal is ended: what it waits for does not hear signals.
 *
 * @param report is called with a line at the first signal; a second signal ends the process immediately
 */
export function onSignals(report: (line: string) => void): Signals {
  const controller = new AbortController();
  let first: Signal | undefined;
  const listener = (name: NodeJS.Signals) => {
    if (first !== undefined) process.exit(exitCodes[name as Signal]);
    first = name as Signal;
    report(`${name}: keeping a checkpoint …${name === 'SIGINT' ? ' Press Ctrl-C again to exit immediately.' : ''}`);
    setTimeout(() => {
      report(`${name}: not done after ${LIMIT_SECONDS} s; exiting. The last checkpoint is kept.`);
      process.exit(exitCodes[first!]);
    }, 1000 * LIMIT_SECONDS).unref();
    controller.abort(name);
  };
  const names = Object.keys(exitCodes) as Signal[];
  for (const name of names) process.on(name, listener);
  return {
    signal: controller.signal,
    exitCode: () => exitCodes[first ?? 'SIGTERM'],
    release: () => {
      for (const name of names) process.off(name, listener);
    },
  };
}
