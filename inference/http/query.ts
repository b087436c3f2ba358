import * as z from 'zod/mini';
import type { RequestContext } from './context.ts';
import { RequestError } from './problem.ts';

/** One parameter of the address. @throws {RequestError} it is given twice: which one is meant? */
export function query(context: RequestContext, name: string): string | undefined {
  const values = context.req.queries(name) ?? [];
  if (values.length > 1) {
    throw new RequestError('bad-parameter', `${name} is given ${values.length} times. Give it once.`);
  }
  return values[0];
}

/** Yes or no, as an address says it. */
export const Flag = z.enum(['0', '1', 'true', 'false', '']);

/** The name alone means 1. */
export function flag(context: RequestContext, name: string): boolean | undefined {
  const value = query(context, name);
  if (value === undefined) return undefined;
  const { success, data } = z.safeParse(Flag, value);
  if (success) return data !== '0' && data !== 'false';
  throw new RequestError('bad-parameter', `${name} is ${JSON.stringify(value)}. Give 1 or 0.`);
}

/** How many of the classes. */
export function count(context: RequestContext, name: string): number | undefined {
  const value = query(context, name);
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new RequestError(
    'bad-parameter',
    `${name} is ${JSON.stringify(value)}. Give a whole number from 1 to the number of classes.`,
  );
}

/** One of a few words. */
export function choice<Word extends string>(
  context: RequestContext,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const value = query(context, name);
  if (value === undefined || words.includes(value as Word)) return value as Word | undefined;
  throw new RequestError('bad-parameter', `${name} is ${JSON.stringify(value)}. Give ${words.join(' or ')}.`);
}
