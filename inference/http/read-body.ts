import * as z from 'zod/mini';
import en from 'zod/v4/locales/en.js';
import { IMAGE_LIMITS } from '#images/decode-image.ts';
import type { RequestContext } from './context.ts';
import { RequestError } from './problem.ts';

z.config(en()); // Without a locale every message is "Invalid input".

/**
 * The largest body: one image of the largest size. Lambda accepts events of 6 MB, which hold 4.5 MB in Base64.
 */
export const MAX_BODY = IMAGE_LIMITS.bytes;

/**
 * Bytes after which the rest of a body is not read. Up to there it is read and dropped: most clients send their whole body
 * before they read the answer, and report a broken connection instead of it if they cannot.
 */
const MAX_DROPPED = 64 * 2 ** 20;

/** Reads the body, up to the limit. @throws {RequestError} it is compressed or too large */
export async function readBody({ req }: RequestContext): Promise<Uint8Array> {
  const encoding = req.header('content-encoding');
  if (encoding && encoding.toLowerCase() !== 'identity') {
    throw new RequestError(
      'unsupported-encoding',
      `The body has Content-Encoding ${encoding}. Send it without compression.`,
    );
  }
  let chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of req.raw.body ?? []) {
    length += chunk.length;
    if (length > MAX_BODY) chunks = [];
    else chunks.push(chunk);
    if (length > MAX_DROPPED) throw tooLarge(`more than ${MAX_DROPPED}`, { connection: 'close' });
  }
  if (length > MAX_BODY) throw tooLarge(String(length));
  return Buffer.concat(chunks);
}

function tooLarge(length: string, headers: Readonly<Record<string, string>> = {}): RequestError {
  return new RequestError(
    'body-too-large',
    `The body has ${length} bytes; the limit is ${MAX_BODY} (${MAX_BODY / 1e6} MB).`,
    headers,
  );
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
