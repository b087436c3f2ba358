import type { AddressInfo } from 'node:net';
import { type ServerType, serve } from '@hono/node-server';
import { UserError } from '#errors/user-error.ts';
import type { ObjectStore } from '#models/object-store.ts';
import { createApp } from './app.ts';
import { type LiveModelsOptions, liveModels } from './live-models.ts';
import type { Log } from './log.ts';

export interface ServerOptions {
  /** Where the models are. */
  readonly store: ObjectStore;
  /** What is served when a request names nothing. */
  readonly alias: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /** Address to listen on. @default 127.0.0.1 */
  readonly host?: string;
  readonly log: Log;
  /** Web pages of other origins that may ask. @default none */
  readonly origins?: readonly string[];
  /** How the models are followed. @default as in Lambda */
  readonly following?: Pick<LiveModelsOptions, 'keep' | 'memory' | 'times'>;
}

export interface Server {
  /** Base address, without a slash at its end. */
  readonly url: string;
  /** Loads the model that is served. @throws {UserError} there is none, or it cannot be served; the server goes on */
  ready(): Promise<void>;
  /** Takes no more requests, and ends when those that came are answered. */
  close(): Promise<void>;
}

/**
 * The endpoint on a port of this machine: the same app that the Lambda runs.
 *
 * @throws {UserError} the port is taken, or cannot be had
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { store, alias, port, host = '127.0.0.1', log, origins = [], following } = options;
  const models = liveModels({ store, alias, log, ...following });
  const page = async () => (await import('./page/build-page.ts')).buildPage();
  const app = createApp({ models, log, origins, page: { store, page } });
  const server = serve({ fetch: (request) => app.fetch(request), hostname: host, port });
  await listening(server, host, port);
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    ready: () => models.use(undefined, () => {}),
    close: () => closed(server),
  };
}

function listening(server: ServerType, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reasons: Record<string, string> = {
        EADDRINUSE: `Port ${port} is taken by another program. Choose another with --port, or 0 for any.`,
        EACCES: `Port ${port} is reserved for the administrator. Choose one above 1023 with --port.`,
        EADDRNOTAVAIL: `This machine has no address ${host}. Leave --host out, or give one that it has.`,
      };
      const reason = reasons[error.code ?? ''];
      reject(reason === undefined ? error : new UserError(reason, { cause: error }));
    });
  });
}

function closed(server: ServerType): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    // Connections that are kept open for a next request would keep the server.
    if ('closeIdleConnections' in server) server.closeIdleConnections();
  });
}
