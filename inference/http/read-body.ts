import * as z from 'zod/mini';
import en from 'zod/v4/locales/en.js';
import type { RequestContext } from './context.ts';
import { RequestError } from './problem.ts';

z.config(en()); // Without it every message is "Invalid input".

/** Lambda takes 6 MB, of which Base64 leaves 4.5. */
const MAX_BODY = 4 * 1024 * 1024;

/** @throws {RequestError} it is compressed, or too large; what is too large is not read to its end */
export async function readBody({ req }: RequestContext): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = req.header('content-encoding');
  if (encoding && encoding.toLowerCase() !== 'identity') {
    throw new RequestError(
      'unsupported-encoding',
      `The body has Content-Encoding ${encoding}, which is not undone here.`,
    );
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of req.raw.body ?? []) {
    length += chunk.length;
    if (length > MAX_BODY) {
      // What follows is not read, so nothing more can be said on this connection.
      throw new RequestError('body-too-large', `The body has more than ${MAX_BODY} bytes.`, { connection: 'close' });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws {RequestError} it is no JSON */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    const reason = error instanceof SyntaxError ? `: ${error.message.slice(0, 100)}` : ' in UTF-8';
    throw new RequestError('bad-body', `The body is no JSON${reason}.`);
  }
}

/** @throws {RequestError} it is not of this schema; the message names the member */
export function checkBody<Schema extends z.core.$ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new RequestError('bad-body', `${issue?.path.join('.') || 'The body'}: ${issue?.message}.`);
}
