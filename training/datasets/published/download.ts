import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { proxyFetch } from '#setup/proxy.mjs';

/** Milliseconds without an answer after which a source counts as dead. */
export const ANSWER_TIMEOUT = 4_000;
/** Milliseconds without a byte after which a transfer is aborted. */
export const STALL_TIMEOUT = 20_000;

/** @throws {Error} the address cannot be reached, answers with an error, or stalls; the message says which */
export async function download(url: string, file: string, signal: AbortSignal | undefined): Promise<void> {
  const silence = new AbortController();
  let limit = ANSWER_TIMEOUT;
  const abort = () => silence.abort(new Error(`nothing came from ${url} for ${limit / 1000} seconds`));
  let timer = setTimeout(abort, limit);
  try {
    const response = await proxyFetch(new URL(url), {
      signal: AbortSignal.any([silence.signal, ...(signal ? [signal] : [])]),
    });
    if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status} ${response.statusText}`);
    limit = STALL_TIMEOUT;
    await pipeline(
      Readable.fromWeb(response.body),
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          clearTimeout(timer);
          timer = setTimeout(abort, limit);
          yield chunk;
        }
      },
      createWriteStream(file),
    );
  } catch (error) {
    // fetch itself says only "fetch failed"; its cause has the reason.
    if (error instanceof TypeError && error.cause instanceof Error) {
      throw new Error(`${url} cannot be reached (${error.cause.message})`, { cause: error });
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** @throws {Error} the file has another SHA-256 */
export async function verifyFile(path: string, sha256: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  const found = hash.digest('hex');
  if (found !== sha256) throw new Error(`the download has the SHA-256 ${found} instead of ${sha256}`);
}
