import type { ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type ServerType, serve } from '@hono/node-server';
import { UserError } from '#errors/user-error.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { createApp } from './app.ts';
import { type LiveModelsOptions, liveModels } from './serving/live-models.ts';
import type { Log } from './telemetry/log.ts';

/**
 * Milliseconds that an idle connection is kept. Node's 5 s end it just as a client that pauses sends its next request, which
 * is then reset; load balancers keep theirs for 60 s, and want a server to keep them longer.
 */
const KEEP_ALIVE = 75_000;

/** Milliseconds that a server that closes waits for the rest of a request. Node's own limit ends when the closing begins. */
const REST_OF_REQUEST = 5_000;

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
  const fetch = (request: Request) => app.fetch(request);
  const server = serve({ fetch, hostname: host, port, serverOptions: { keepAliveTimeout: KEEP_ALIVE } });
  const close = closing(server);
  await listening(server, host, port);
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    ready: () => models.use(undefined, () => {}),
    close,
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

/**
 * Node's `close` ends the connections that are idle at that moment. One that was busy would be kept for a next request, and
 * answer it; one on which nothing was ever asked, as browsers keep in reserve, would keep the server for good.
 *
 * @returns what closes the server
 */
function closing(server: ServerType): () => Promise<void> {
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
  const endUnsent = () => {
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
    const timer = setTimeout(endUnsent, REST_OF_REQUEST);
    return new Promise<void>((resolve, reject) => {
      server.close((error) => (error ? reject(error) : resolve()));
    }).finally(() => clearTimeout(timer));
  };
}
