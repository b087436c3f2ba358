export type Level = 'info' | 'warn' | 'error';

/** Writes a message with facts. An `Error` among the facts is written with its name, message, stack and causes. */
export type Log = (level: Level, message: string, facts?: Readonly<Record<string, unknown>>) => void;

/** Writes one JSON object per line, as CloudWatch and `jq` read it. @param write receives whole lines */
export function jsonLog(write: (line: string) => void): Log {
  return (level, message, facts) => {
    const line = { timestamp: new Date().toISOString(), level, message, ...facts };
    write(`${JSON.stringify(line, (_, value: unknown) => (value instanceof Error ? describeError(value) : value))}\n`);
  };
}

function describeError(error: Error): object {
  const { name, message, stack, cause } = error;
  return { name, message, stack, ...(cause === undefined ? {} : { cause }) };
}
