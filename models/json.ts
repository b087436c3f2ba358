import * as z from 'zod/mini';
import { UserError } from '#errors/user-error.ts';
import type { ObjectStore, PutOptions } from './stores/object-store.ts';

/** An object in the store is not of the form that its key stands for: cut off, edited by hand, or of another release. */
export class MalformedObject extends UserError {
  override readonly name = 'MalformedObject';
  readonly key: string;

  constructor(key: string, problem: string, options?: ErrorOptions) {
    super(`${key} is malformed: ${problem}. Restore it, or write it again with this release.`, options);
    this.key = key;
  }
}

/** Indented, with a newline at the end: people read these files. */
export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** @throws {MalformedObject} the text is not JSON, or does not match `schema`; the message names `key` and the member */
export function decodeJson<Schema extends z.core.$ZodType>(
  schema: Schema,
  body: Uint8Array,
  key: string,
): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new MalformedObject(key, 'it is not JSON', { cause: error });
  }
  return checked(schema, value, key);
}

/** Checks a value before it is written, by the schema that readers apply. @throws as `decodeJson` */
export function checked<Schema extends z.core.$ZodType>(schema: Schema, value: unknown, key: string): z.output<Schema> {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const member = issue?.path.join('.') || 'it';
  throw new MalformedObject(key, `${member}: ${issue?.message}`, { cause: result.error });
}

/** @throws {WriteConflict} the condition does not hold; nothing was written */
export function writeJson(
  store: ObjectStore,
  key: string,
  value: unknown,
  only: NonNullable<PutOptions['only']>,
): Promise<string> {
  return store.put(key, encodeJson(value), { only, contentType: 'application/json' });
}

/** @returns `undefined` if there is no such object. @throws {MalformedObject} it does not match `schema` */
export async function readJson<Schema extends z.core.$ZodType>(
  store: ObjectStore,
  key: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const object = await store.get(key);
  return object && decodeJson(schema, object.body, key);
}
