import type { Context, Hono } from 'hono';

/** What the server passes along with a request. */
interface Bindings {
  /** The gateway's ID of the request. @default a random UUID */
  readonly requestId?: string;
}

interface Variables {
  requestId: string;
  /** When the request arrived, by `performance.now()`. */
  started: number;
  /** What the request's log line holds besides method, path and status. */
  facts: Record<string, unknown>;
}

export interface Env {
  Bindings: Bindings;
  Variables: Variables;
}

export type App = Hono<Env>;

export type RequestContext = Context<Env>;
