export type Level = 'info' | 'warn' | 'error';

/** Facts beside the message; an `Error` among them is written with its name, message, stack and causes. */
export type Log = (level: Level, message: string, facts?: Readonly<Record<string, unknown>>) => void;

/** One JSON object a line, for machines to read: CloudWatch, `jq`. @param write takes whole lines */
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
