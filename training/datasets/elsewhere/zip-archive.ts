import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { UserError } from '#errors/user-error.ts';
import type { Unpacking } from './unpacking.ts';

/** Of the Unix mode that a zip keeps in the upper half of an entry's attributes. */
const KIND = 0o170000;
const LINK = 0o120000;
const UNIX = 3;
/** Bytes of the target of a link. */
const LONGEST_TARGET = 4_096;

/**
 * Unpacks a zip, and verifies the checksum of each file.
 *
 * @throws {UserError} it is damaged or encrypted, or as `Unpacking`
 */
export async function unpackZip(
  file: string,
  archive: string,
  unpacking: Unpacking,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { openPromise, getFileNameLowLevel } = await import('yauzl');
  const damaged = (error: unknown) =>
    new UserError(`${archive} is damaged (${(error as Error).message}). Copy it anew, or make it anew.`, {
      cause: error,
    });
  // Names are decoded here: macOS writes UTF-8 and does not say so.
  const options = { lazyEntries: true, autoClose: false, decodeStrings: false } as const;
  const zip: ZipFile = await openPromise(file, options).catch((error: unknown) => {
    throw damaged(error);
  });
  try {
    for await (const entry of orDamaged(zip.eachEntry(), damaged)) {
      signal?.throwIfAborted();
      const raw = entry.fileNameRaw;
      const name = utf8(raw) ?? getFileNameLowLevel(entry.generalPurposeBitFlag, raw, entry.extraFields, true);
      if (name.endsWith('/')) continue;
      if (entry.isEncrypted()) {
        throw new UserError(`${archive} is encrypted (${name}). Unpack it with its password, and give the folder.`);
      }
      if (!entry.canDecodeFileData()) {
        throw new UserError(
          `${archive} has ${name} in a compression that is not read here (method ${entry.compressionMethod}). Unpack it yourself, and give the folder.`,
        );
      }
      const source = await zip.openReadStreamPromise(entry).catch((error: unknown) => {
        throw damaged(error);
      });
      // yauzl's streams emit an error once, perhaps before anybody reads, and never end: this one keeps it for its reader.
      const content = source.pipe(new PassThrough());
      content.on('error', () => {});
      source.on('error', (error) => content.destroy(error));
      content.on('close', () => source.destroy());
      if (isLink(entry)) {
        if (entry.uncompressedSize > LONGEST_TARGET) throw damaged(new Error(`the link ${name} has no target`));
        const target = await buffer(orDamaged(content, damaged));
        unpacking.link(name, target.toString(), { isHard: false });
      } else {
        await unpackFile({ entry, name }, orDamaged(content, damaged), unpacking, damaged);
      }
    }
  } finally {
    zip.close();
  }
}

async function unpackFile(
  { entry, name }: { readonly entry: Entry; readonly name: string },
  content: AsyncIterable<Buffer>,
  unpacking: Unpacking,
  damaged: (error: unknown) => UserError,
): Promise<void> {
  let crc = 0;
  const counted = async function* () {
    for await (const chunk of content) {
      crc = crc32(chunk, crc);
      yield chunk;
    }
  };
  await unpacking.file(name, counted());
  if (crc !== entry.crc32) throw damaged(new Error(`${name} does not have its checksum`));
}

/** What the source throws means that the archive is damaged; what is thrown by whoever reads from this does not pass here. */
async function* orDamaged<Value>(
  source: AsyncIterable<Value>,
  damaged: (error: unknown) => UserError,
): AsyncGenerator<Value> {
  const values = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await values.next().catch((error: unknown) => {
        throw damaged(error);
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await values.return?.();
  }
}

function isLink({ versionMadeBy, externalFileAttributes }: Entry): boolean {
  return versionMadeBy >>> 8 === UNIX && ((externalFileAttributes >>> 16) & KIND) === LINK;
}

/** @returns `undefined` if the bytes are none */
function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
