/** What a signal asks for: keep a checkpoint, and end with this exit code. */
const exitCodes = {
  /** Ctrl-C. */
  SIGINT: 130,
  /** A machine that is taken away; 75 is "try again" in sysexits.h. */
  SIGTERM: 75,
} as const;

type Signal = keyof typeof exitCodes;

export interface Signals {
  /** Aborted by the first signal, with its name as the reason. */
  readonly signal: AbortSignal;
  /** Of a process that ended because of the signal. */
  exitCode(): number;
  /** Signals do again what they do by themselves. */
  release(): void;
}

/** @param tell is told what happens at the first signal; the second one ends the process at once */
export function onSignals(tell: (line: string) => void): Signals {
  const controller = new AbortController();
  let first: Signal | undefined;
  const listener = (name: NodeJS.Signals) => {
    if (first !== undefined) process.exit(exitCodes[name as Signal]);
    first = name as Signal;
    tell(`${name}: keeping a checkpoint …${name === 'SIGINT' ? ' Ctrl-C again leaves at once.' : ''}`);
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
