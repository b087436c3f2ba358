import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

/** Bytes of a layer as a tar file, and as a registry keeps it: by gzip, at its default level. */
export interface LayerSize {
  readonly unpacked: number;
  readonly compressed: number;
}

const BLOCK = 512;

/** Measures the layers of an image's archive (`docker save`, `buildah push docker-archive:`), from the base on. */
export async function layersOf(archive: string): Promise<LayerSize[]> {
  const file = await open(archive);
  try {
    const entries = await entriesOf(file);
    const manifest = entries.get('manifest.json');
    if (manifest === undefined) throw new Error(`${archive} has no manifest.json`);
    const [image] = JSON.parse((await read(file, manifest.start, manifest.size)).toString()) as [{ Layers: string[] }];
    return await Promise.all(image.Layers.map((name) => sizeOf(archive, file, entries.get(name)!)));
  } finally {
    await file.close();
  }
}

interface Entry {
  /** Of the content, in bytes from the file's beginning. */
  readonly start: number;
  readonly size: number;
}

async function entriesOf(file: FileHandle): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for (let at = 0; ; ) {
    const header = await read(file, at, BLOCK);
    const name = header.toString('utf8', 0, 100).replace(/\0.*/s, '');
    if (name === '') return entries;
    const size = Number.parseInt(header.toString('latin1', 124, 136), 8);
    entries.set(name, { start: at + BLOCK, size });
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}

async function sizeOf(archive: string, file: FileHandle, { start, size }: Entry): Promise<LayerSize> {
  const isCompressed = (await read(file, start, 2)).equals(Buffer.from([0x1f, 0x8b]));
  let other = 0;
  const count = new Writable({
    write(chunk: Buffer, _, done) {
      other += chunk.length;
      done();
    },
  });
  const part = createReadStream(archive, { start, end: start + size - 1 });
  await pipeline(part, isCompressed ? createGunzip() : createGzip(), count);
  return isCompressed ? { unpacked: other, compressed: size } : { unpacked: size, compressed: other };
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
