import type { Context, Hono } from 'hono';

/** What the server passes with a request. */
interface Bindings {
  /** The gateway's own id of the request; without one we draw it. */
  readonly requestId?: string;
}

interface Variables {
  requestId: string;
  /** By `performance.now()`. */
  started: number;
  /** What the log's line of this request says besides method, path and status. */
  facts: Record<string, unknown>;
}

export interface Env {
  Bindings: Bindings;
  Variables: Variables;
}

export type App = Hono<Env>;

/** A request on its way. */
export type RequestContext = Context<Env>;
