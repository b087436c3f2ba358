import * as z from 'zod/mini';
import type { RequestContext } from './context.ts';
import { RequestError } from './problem.ts';

/** A query parameter. @throws {RequestError} it is given more than once */
export function query(context: RequestContext, name: string): string | undefined {
  const values = context.req.queries(name) ?? [];
  if (values.length > 1) {
    throw new RequestError('bad-parameter', `${name} is given ${values.length} times. Give it only once.`);
  }
  return values[0];
}

/** A boolean in a query string. */
export const Flag = z.enum(['0', '1', 'true', 'false', '']);

/** A boolean parameter; the name alone means true. */
export function flag(context: RequestContext, name: string): boolean | undefined {
  const value = query(context, name);
  if (value === undefined) return undefined;
  const { success, data } = z.safeParse(Flag, value);
  if (success) return data !== '0' && data !== 'false';
  throw new RequestError('bad-parameter', `${name} is ${JSON.stringify(value)}. Use 1 or 0.`);
}

/** A number of classes. */
export function count(context: RequestContext, name: string): number | undefined {
  const value = query(context, name);
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new RequestError(
    'bad-parameter',
    `${name} is ${JSON.stringify(value)}. Use an integer from 1 to the number of classes.`,
  );
}

/** A parameter that is one of these words. */
export function choice<Word extends string>(
  context: RequestContext,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const value = query(context, name);
  if (value === undefined || words.includes(value as Word)) return value as Word | undefined;
  throw new RequestError('bad-parameter', `${name} is ${JSON.stringify(value)}. Use ${words.join(' or ')}.`);
}
