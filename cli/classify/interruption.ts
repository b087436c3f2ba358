/** Milliseconds that a program may take to end after a signal: what is on the way is at most a few pictures. */
const PATIENCE = 3_000;

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

export interface Interruption {
  readonly signal: AbortSignal;
  /** The exit code of a process that ends because of the signal. */
  exitCode(): number;
  /** Restores the default handling of the signals. */
  release(): void;
}

/** Hears Ctrl-C and SIGTERM. A second one, or a few seconds, end the process at once: whole rows are written at any time. */
export function onInterruption(): Interruption {
  const controller = new AbortController();
  let code: number = exitCodes.SIGTERM;
  const listener = (name: NodeJS.Signals) => {
    code = exitCodes[name as keyof typeof exitCodes];
    if (controller.signal.aborted) process.exit(code);
    controller.abort();
    setTimeout(() => process.exit(code), PATIENCE).unref();
  };
  const names = Object.keys(exitCodes) as NodeJS.Signals[];
  for (const name of names) process.on(name, listener);
  return {
    signal: controller.signal,
    exitCode: () => code,
    release: () => {
      for (const name of names) process.off(name, listener);
    },
  };
}
