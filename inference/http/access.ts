import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { Log } from '../telemetry/log.ts';
import { roundMilliseconds } from '../telemetry/timing.ts';
import type { Env } from './context.ts';

/** Headers of every answer that does not set them itself. The web page has its own policy. */
export const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Gives every answer a request ID and security headers, and logs every request. */
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
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!headers.has(name)) headers.set(name, value);
    const { method, path } = context.req;
    const facts = context.get('facts');
    log(status >= 500 || facts.error ? 'error' : 'info', 'request', {
      ...{ requestId, method, path, status, milliseconds: roundMilliseconds(performance.now() - started) },
      ...facts,
    });
  };
}
