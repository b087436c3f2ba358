/** Reads zip archives, such as Python wheels, of any size entry by entry, and verifies what it reads. */
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
/** Bytes of the records before their names, extra fields and comments. */
const LOCAL_SIZE = 30;
const CENTRAL_SIZE = 46;
const END_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
/** The placeholder for numbers that do not fit, in archives above 4 GiB. */
const ZIP64 = 0xffffffff;

const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;
const CHUNK = 1 << 20;

/** The archive is truncated, damaged, or of a kind that wheels do not use. */
export class CorruptArchive extends Error {
  /** @override */
  name = 'CorruptArchive';
}

/**
 * @typedef {object} ZipEntry
 * @property {string} name `/`-separated; a folder's ends with `/`
 * @property {number} method
 * @property {number} flags
 * @property {number} crc of the unpacked bytes
 * @property {number} packedSize bytes
 * @property {number} size bytes, unpacked
 * @property {number} offset of the local header
 * @property {number} mode Unix permissions, 0 if unknown
 */

/**
 * @param {string} file
 * @returns {Promise<ZipEntry[]>} in the order of the archive's directory
 * @throws {CorruptArchive}
 */
export async function readZipDirectory(file) {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const tail = await readAt(
      handle,
      Math.max(0, size - END_SIZE - LONGEST_COMMENT),
      Math.min(size, END_SIZE + LONGEST_COMMENT),
      file,
    );
    const end = findEnd(tail, file);
    const count = tail.readUInt16LE(end + 10);
    const length = tail.readUInt32LE(end + 12);
    const offset = tail.readUInt32LE(end + 16);
    if (offset === ZIP64 || count === 0xffff) throw new CorruptArchive(`${file} is a zip64 archive.`);
    if (offset + length > size) throw new CorruptArchive(`${file} is truncated: its directory lies outside of it.`);
    return parseDirectory(await readAt(handle, offset, length, file), count, file);
  } finally {
    await handle.close();
  }
}

/**
 * Unpacks the selected entries, and verifies the size and CRC of each.
 *
 * @param {string} file
 * @param {string} folder created if necessary
 * @param {(name: string) => string | undefined} place returns an entry's path in the folder, or `undefined` to omit it
 * @param {{ signal?: AbortSignal, onBytes?: (bytes: number) => void }} [options] `onBytes` is called with the size of each
 *   chunk written
 * @returns {Promise<{ files: number, bytes: number }>} what was written
 * @throws {CorruptArchive}
 */
export async function extractZip(file, folder, place, { signal, onBytes } = {}) {
  const written = { files: 0, bytes: 0 };
  for (const entry of await readZipDirectory(file)) {
    if (entry.name.endsWith('/')) continue;
    const path = place(entry.name);
    if (path === undefined) continue;
    if (path.split(/[/\\]/).includes('..'))
      throw new CorruptArchive(`${file} has an entry outside of it: ${entry.name}.`);
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await extractEntry(file, entry, target, { signal, onBytes });
    written.files += 1;
    written.bytes += entry.size;
  }
  return written;
}

/**
 * @param {string} file
 * @param {ZipEntry} entry
 * @param {string} target
 * @param {{ signal: AbortSignal | undefined, onBytes: ((bytes: number) => void) | undefined }} options
 */
async function extractEntry(file, entry, target, { signal, onBytes }) {
  const damaged = (/** @type {string} */ how) => new CorruptArchive(`${file} is damaged: ${entry.name} ${how}.`);
  if (entry.flags & ENCRYPTED) throw damaged('is encrypted');
  if (entry.method !== STORED && entry.method !== DEFLATED) throw damaged(`has the compression method ${entry.method}`);
  const start = await dataOffset(file, entry);
  let size = 0;
  let crc = 0;
  const check = new Transform({
    transform(chunk, _encoding, done) {
      size += chunk.length;
      // A damaged stream could unpack to any size: stop at the declared one.
      if (size > entry.size) return done(damaged(`unpacks to more than ${entry.size} bytes`));
      crc = crc32(chunk, crc);
      onBytes?.(chunk.length);
      done(null, chunk);
    },
  });
  // A read stream cannot read zero bytes.
  const source =
    entry.packedSize === 0
      ? Readable.from([])
      : createReadStream(file, { start, end: start + entry.packedSize - 1, highWaterMark: CHUNK });
  const sink = createWriteStream(target);
  try {
    if (entry.method === DEFLATED)
      await pipeline(source, createInflateRaw({ chunkSize: CHUNK }), check, sink, { signal });
    else await pipeline(source, check, sink, { signal });
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code?.startsWith('Z_')) throw damaged(`does not unpack (${code})`);
    throw error;
  }
  if (size !== entry.size) throw damaged(`unpacks to ${size} instead of ${entry.size} bytes`);
  if (crc !== entry.crc) throw damaged('does not match its checksum');
  if (entry.mode & 0o111) await chmod(target, 0o755);
}

/**
 * The offset of the entry's data: the local header has its own name and extra field, of other lengths.
 *
 * @param {string} file
 * @param {ZipEntry} entry
 */
async function dataOffset(file, entry) {
  const handle = await open(file);
  try {
    const header = await readAt(handle, entry.offset, LOCAL_SIZE, file);
    if (header.readUInt32LE(0) !== LOCAL_HEADER) {
      throw new CorruptArchive(`${file} is damaged: ${entry.name} is not where its directory says.`);
    }
    return entry.offset + LOCAL_SIZE + header.readUInt16LE(26) + header.readUInt16LE(28);
  } finally {
    await handle.close();
  }
}

/**
 * @param {Buffer} tail the end of the archive
 * @param {string} file
 */
function findEnd(tail, file) {
  for (let at = tail.length - END_SIZE; at >= 0; at -= 1) {
    // The signature may occur in a comment: the record's comment must end exactly at the end of the file.
    if (tail.readUInt32LE(at) === END_OF_DIRECTORY && at + END_SIZE + tail.readUInt16LE(at + 20) === tail.length)
      return at;
  }
  throw new CorruptArchive(`${file} is not a zip archive, or is truncated.`);
}

/**
 * @param {Buffer} directory
 * @param {number} count
 * @param {string} file
 * @returns {ZipEntry[]}
 */
function parseDirectory(directory, count, file) {
  const entries = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    if (at + CENTRAL_SIZE > directory.length || directory.readUInt32LE(at) !== CENTRAL_HEADER) {
      throw new CorruptArchive(`${file} is damaged: its directory has fewer than ${count} entries.`);
    }
    const nameEnd = at + CENTRAL_SIZE + directory.readUInt16LE(at + 28);
    entries.push({
      name: directory.toString('utf8', at + CENTRAL_SIZE, nameEnd),
      flags: directory.readUInt16LE(at + 8),
      method: directory.readUInt16LE(at + 10),
      crc: directory.readUInt32LE(at + 16),
      packedSize: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      mode: directory.readUInt16LE(at + 40) & 0o777,
      offset: directory.readUInt32LE(at + 42),
    });
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/**
 * @param {import('node:fs/promises').FileHandle} handle
 * @param {number} position
 * @param {number} length
 * @param {string} file
 */
async function readAt(handle, position, length, file) {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  if (bytesRead !== length) throw new CorruptArchive(`${file} is truncated.`);
  return buffer;
}
