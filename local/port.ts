import { createServer } from 'node:net';

/** @returns whether the port of 127.0.0.1 is free */
export async function isFree(port: number): Promise<boolean> {
  return (await listen(port)) !== undefined;
}

/** @returns `preferred` if it is free, else a free port that the system chooses */
export async function freePort(preferred: number | 'any'): Promise<number> {
  const port = (preferred === 'any' ? undefined : await listen(preferred)) ?? (await listen(0));
  if (port === undefined) throw new Error('The system has no free port.');
  return port;
}

/** @returns the port that could be listened on, or `undefined` */
function listen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      const chosen = address !== null && typeof address === 'object' ? address.port : undefined;
      server.close(() => resolve(chosen));
    });
  });
}
