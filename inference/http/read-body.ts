import * as z from 'zod/mini';
import en from 'zod/v4/locales/en.js';
import type { RequestContext } from './context.ts';
import { RequestError } from './problem.ts';

z.config(en()); // Without a locale every message is "Invalid input".

/** Bytes. Lambda accepts events of 6 MB, which hold 4.5 MB in Base64. */
const MAX_BODY = 4 * 1024 * 1024;

/** Reads the body, up to the limit. @throws {RequestError} it is compressed or too large */
export async function readBody({ req }: RequestContext): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = req.header('content-encoding');
  if (encoding && encoding.toLowerCase() !== 'identity') {
    throw new RequestError(
      'unsupported-encoding',
      `The body has Content-Encoding ${encoding}. Send it without compression.`,
    );
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of req.raw.body ?? []) {
    length += chunk.length;
    if (length > MAX_BODY) {
      // The rest of the body is not read, so this connection cannot be used again.
      throw new RequestError('body-too-large', `The body is larger than ${MAX_BODY} bytes.`, { connection: 'close' });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws {RequestError} the body is not valid JSON */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    const reason = error instanceof SyntaxError ? `: ${error.message.slice(0, 100)}` : ' in UTF-8';
    throw new RequestError('bad-body', `The body is not valid JSON${reason}.`);
  }
}

/** @throws {RequestError} the value does not match the schema; the message names the member */
export function checkBody<Schema extends z.core.$ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new RequestError('bad-body', `${issue?.path.join('.') || 'The body'}: ${issue?.message}.`);
}
