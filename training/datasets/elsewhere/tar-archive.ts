import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Header } from 'tar-stream';
import { UserError } from '#errors/user-error.ts';
import type { Unpacking } from './unpacking.ts';

/**
 * Unpacks a tar archive, gzipped or not.
 *
 * @throws {UserError} it is damaged or has what no data set has, such as a device; or as `Unpacking`
 */
export async function unpackTar(
  file: string,
  { archive, isGzipped }: { readonly archive: string; readonly isGzipped: boolean },
  unpacking: Unpacking,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { extract } = await import('tar-stream');
  const entries = extract();
  const source = createReadStream(file, { highWaterMark: 1 << 20 });
  const options = signal ? { signal } : {};
  const flow = isGzipped ? pipeline(source, createGunzip(), entries, options) : pipeline(source, entries, options);
  let failure: unknown;
  const flowed = flow.catch((error: unknown) => {
    failure ??= error;
  });
  let found = 0;
  try {
    for await (const entry of entries) {
      found++;
      await unpackEntry(entry.header, entry as AsyncIterable<Buffer>, archive, unpacking);
      entry.resume(); // Of what was not a file.
    }
  } catch (error) {
    if (error instanceof UserError) failure = error;
    else failure ??= error;
    entries.destroy();
  }
  await flowed;
  signal?.throwIfAborted();
  if (failure instanceof UserError) throw failure;
  if (failure !== undefined || found === 0) {
    const reason = failure === undefined ? 'it has no entries' : (failure as Error).message;
    throw new UserError(`${archive} is damaged (${reason}). Copy it anew, or make it anew.`, { cause: failure });
  }
}

async function unpackEntry(
  { name, type, linkname }: Header,
  content: AsyncIterable<Buffer>,
  archive: string,
  unpacking: Unpacking,
): Promise<void> {
  switch (type) {
    case 'file':
    case 'contiguous-file':
      await unpacking.file(name, content);
      break;
    case 'link':
    case 'symlink':
      unpacking.link(name, linkname ?? '', { isHard: type === 'link' });
      break;
    case 'directory':
      break;
    default:
      throw new UserError(
        `${archive} has ${name}, which is neither a file nor a folder (${type}). Make it anew, without that.`,
      );
  }
}
