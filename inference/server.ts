import type { ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type ServerType, serve } from '@hono/node-server';
import { UserError } from '#errors/user-error.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { createApp } from './app.ts';
import { type LiveModelsOptions, liveModels, type ServedModel } from './serving/live-models.ts';
import type { Log } from './telemetry/log.ts';

/**
 * Milliseconds until an idle connection is closed. With Node's default of 5 s, the next request of a client that pauses can
 * meet the closing connection and is reset. Load balancers keep connections for 60 s and expect servers to keep them longer.
 */
const KEEP_ALIVE = 75_000;

/** Milliseconds that a closing server waits for the rest of a request. Node's own request timeout stops on `close`. */
const REST_OF_REQUEST = 5_000;

export interface ServerOptions {
  /** The store with the models. */
  readonly store: ObjectStore;
  /** The alias that is served when a request names no version. */
  readonly alias: string;
  /** The port to listen on; 0 for any free port. */
  readonly port: number;
  /** The address to listen on. @default 127.0.0.1 */
  readonly host?: string;
  readonly log: Log;
  /** Origins whose web pages may send requests. @default none */
  readonly origins?: readonly string[];
  /** Limits and times for loading models. @default those of the Lambda */
  readonly following?: Pick<LiveModelsOptions, 'keep' | 'memory' | 'times'>;
}

export interface Server {
  /** Base URL without a trailing slash. */
  readonly url: string;
  /** Loads the served model. @throws {UserError} there is none, or it cannot be loaded; the server keeps running */
  ready(): Promise<Pick<ServedModel, 'version' | 'card'>>;
  /** Accepts no more requests, and resolves when all pending ones are answered. */
  close(): Promise<void>;
}

/**
 * Serves the endpoint on a local port: the same app as in Lambda.
 *
 * @throws {UserError} the port is in use or unavailable
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { store, alias, port, host = '127.0.0.1', log, origins = [], following } = options;
  const models = liveModels({ store, alias, log, ...following });
  const page = async () => (await import('./page/build-page.ts')).buildPage();
  const app = createApp({ models, log, origins, page: { store, page } });
  const fetch = (request: Request) => app.fetch(request);
  const server = serve({ fetch, hostname: host, port, serverOptions: { keepAliveTimeout: KEEP_ALIVE } });
  const close = gracefulClose(server);
  await listening(server, host, port);
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    ready: () => models.use(undefined, ({ version, card }) => ({ version, card })),
    close,
  };
}

function listening(server: ServerType, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reasons: Record<string, string> = {
        EADDRINUSE: `Port ${port} is in use. Choose another with --port, or 0 for any free port.`,
        EACCES: `Port ${port} requires administrator rights. Choose one above 1023 with --port.`,
        EADDRNOTAVAIL: `This machine does not have the address ${host}. Omit --host, or use an address of this machine.`,
      };
      const reason = reasons[error.code ?? ''];
      reject(reason === undefined ? error : new UserError(reason, { cause: error }));
    });
  });
}

/**
 * Node's `close` ends only the connections that are idle at that moment. A busy one would stay open and serve further
 * requests, and one without any request, as browsers open in advance, would keep the server running forever.
 *
 * @returns closes the server
 */
function gracefulClose(server: ServerType): () => Promise<void> {
  const unanswered = new Map<Socket, Set<ServerResponse>>();
  let isClosing = false;
  server.on('connection', (socket: Socket) => {
    unanswered.set(socket, new Set());
    socket.once('close', () => unanswered.delete(socket));
  });
  server.prependListener('request', (_: unknown, response: ServerResponse) => {
    const { socket } = response.req;
    const responses = unanswered.get(socket);
    responses?.add(response);
    if (isClosing) response.setHeader('connection', 'close');
    response.once('close', () => {
      responses?.delete(response);
      if (isClosing && responses?.size === 0) socket.destroySoon();
    });
  });
  const destroyIncomplete = () => {
    for (const [socket, responses] of unanswered) {
      if ([...responses].every(({ req }) => !req.complete)) socket.destroy();
    }
  };
  return () => {
    isClosing = true;
    for (const [socket, responses] of unanswered) {
      if (responses.size === 0) socket.destroy();
      for (const response of responses) if (!response.headersSent) response.setHeader('connection', 'close');
    }
    const timer = setTimeout(destroyIncomplete, REST_OF_REQUEST);
    return new Promise<void>((resolve, reject) => {
      server.close((error) => (error ? reject(error) : resolve()));
    }).finally(() => clearTimeout(timer));
  };
}
