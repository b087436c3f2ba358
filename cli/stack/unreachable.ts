import { isThrottled } from './aws-failure.ts';

/** System errors of a connection that cannot be made, or breaks. */
const CODES = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN'],
]);

/** Whether a request to a cloud failed for a reason that may pass: no connection, a broken one, no answer in time, throttling, or a 5xx. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, $metadata } = error as { code?: unknown; $metadata?: { httpStatusCode?: number } };
  if (typeof code === 'string' && CODES.has(code)) return true;
  if (error.name === 'TimeoutError' || isThrottled(error) || ($metadata?.httpStatusCode ?? 0) >= 500) return true;
  const causes = error instanceof AggregateError ? error.errors : [error.cause];
  return causes.some(isUnreachable);
}

/** Whether anything answers at an address. */
export async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url, { signal: AbortSignal.timeout(10_000) });
    return true;
  } catch {
    return false;
  }
}
