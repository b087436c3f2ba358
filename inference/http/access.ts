import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { Log } from '../telemetry/log.ts';
import { round } from '../telemetry/timing.ts';
import type { Env } from './context.ts';

/** For answers that are data; a page brings its own policy. */
export const CAREFUL = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** What every answer has: an id, by which the log's line of the request is found, and headers that keep browsers careful. */
export function access(log: Log): MiddlewareHandler<Env> {
  return async (context, next) => {
    const started = performance.now();
    const requestId = context.env?.requestId ?? randomUUID();
    context.set('requestId', requestId);
    context.set('started', started);
    context.set('facts', {});
    await next();
    const { headers, status } = context.res;
    headers.set('x-request-id', requestId);
    for (const [name, value] of Object.entries(CAREFUL)) if (!headers.has(name)) headers.set(name, value);
    const { method, path } = context.req;
    const facts = context.get('facts');
    log(status >= 500 || facts.error ? 'error' : 'info', 'request', {
      ...{ requestId, method, path, status, milliseconds: round(performance.now() - started) },
      ...facts,
    });
  };
}
