import { randomUUID } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { crc32 } from 'node:zlib';
import type { PictureFacts, PictureProblem } from './picture-facts.ts';

/** A file as it was when it was opened; one that differs in any of these is opened again. */
export interface FileState {
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** Where the pixels of a picture are. */
export interface PixelPlace {
  /** Counted in pictures. */
  readonly at: number;
  /** Of the pixels. */
  readonly crc32: number;
}

/** What a pack knows of a file. */
export type PackedPicture = FileState & ((PixelPlace & { readonly facts: PictureFacts }) | PictureProblem);

/** Bytes of pixels that are kept in memory until they are written together. */
const WRITTEN_TOGETHER = 1 << 20;
/** Lines of the index that are written together. */
const LINES_TOGETHER = 1_000;

/**
 * The pixels of a place's pictures in one file, and an index beside it, a line a picture. Both only grow, pixels before the
 * line that points to them: whatever ends the process, what was opened need not be opened again. Memory holds the index only.
 */
export class Pack {
  readonly #pixelBytes: number;
  readonly #pictures: Map<string, PackedPicture>;
  /** By the SHA-256 of their file: equal files share their pixels. */
  readonly #bySha256 = new Map<string, PixelPlace>();
  readonly #index: FileHandle;
  readonly #pixels: FileHandle;
  /** To read pixels: thousands of them are read one after the other, each in microseconds. */
  readonly #reading: number;
  #next: number;
  readonly #unwritten: Uint8Array;
  /** Bytes of it that hold pixels. */
  #filled = 0;
  #writing: Promise<void> | undefined;
  #lines: { readonly path: string; readonly packed: PackedPicture }[] = [];

  private constructor(
    pixelBytes: number,
    pictures: Map<string, PackedPicture>,
    files: { readonly index: FileHandle; readonly pixels: FileHandle; readonly reading: number; readonly next: number },
  ) {
    this.#pixelBytes = pixelBytes;
    this.#unwritten = new Uint8Array(Math.ceil(WRITTEN_TOGETHER / pixelBytes) * pixelBytes);
    this.#pictures = pictures;
    this.#index = files.index;
    this.#pixels = files.pixels;
    this.#reading = files.reading;
    this.#next = files.next;
    for (const packed of pictures.values()) {
      if ('at' in packed) this.#bySha256.set(packed.facts.sha256, packed);
    }
  }

  /**
   * @param folder is made if it is not there; one process at a time may have it open
   * @param pixelBytes bytes of the pixels of one picture
   */
  static async open(folder: string, pixelBytes: number): Promise<Pack> {
    await mkdir(folder, { recursive: true });
    const pixels = await open(join(folder, 'pixels.bin'), 'a');
    const next = Math.floor((await pixels.stat()).size / pixelBytes);
    await pixels.truncate(next * pixelBytes); // What a killed process wrote in part.
    const pictures = await openIndex(join(folder, 'index.jsonl'), next);
    const index = await open(join(folder, 'index.jsonl'), 'a');
    const reading = openSync(join(folder, 'pixels.bin'), 'r');
    return new Pack(pixelBytes, pictures, { index, pixels, reading, next });
  }

  get(path: string): PackedPicture | undefined {
    return this.#pictures.get(path);
  }

  /** The position of the pixels of an equal file. @returns `undefined` if there is none */
  find(sha256: string): PixelPlace | undefined {
    return this.#bySha256.get(sha256);
  }

  /** Appends a picture, whose pixels are copied; it is on the disk after the next `flush`. */
  async add(
    path: string,
    state: FileState,
    { facts, pixels }: { facts: PictureFacts; pixels: Uint8Array },
  ): Promise<void> {
    let place = this.find(facts.sha256);
    if (place === undefined) {
      place = { at: this.#next++, crc32: crc32(pixels) };
      this.#unwritten.set(pixels, this.#filled);
      this.#filled += pixels.length;
      if (this.#filled === this.#unwritten.length) await this.#writePixels();
    }
    this.#note(path, { ...state, facts, at: place.at, crc32: place.crc32 });
  }

  addProblem(path: string, state: FileState, found: PictureProblem): void {
    this.#note(path, { ...state, ...found });
  }

  #note(path: string, packed: PackedPicture): void {
    this.#pictures.set(path, packed);
    if ('at' in packed) this.#bySha256.set(packed.facts.sha256, packed);
    this.#lines.push({ path, packed });
  }

  /** Once for all that ask at the same time: what is written twice, or in pieces that mix, is found nowhere. */
  async #writePixels(): Promise<void> {
    this.#writing ??= this.#pixels
      .appendFile(this.#unwritten.subarray(0, this.#filled))
      .then(() => {
        this.#filled = 0;
      })
      .finally(() => {
        this.#writing = undefined;
      });
    await this.#writing;
  }

  /** Forgets the pixels at a place, which are damaged, and the files that have them: they are opened again next time. */
  forget(at: number): void {
    for (const [path, packed] of this.#pictures) {
      if (!('at' in packed) || packed.at !== at) continue;
      this.#bySha256.delete(packed.facts.sha256);
      this.#note(path, { bytes: -1, modified: 0, cause: 'damaged', problem: 'was damaged in the cache' });
    }
  }

  /** Writes the pixels and the index of what was added. */
  async flush(): Promise<void> {
    if (this.#lines.length === 0) return;
    await this.#writePixels();
    await this.#pixels.datasync();
    const lines = this.#lines;
    this.#lines = [];
    await writeLines(this.#index, lines);
  }

  /**
   * Reads the pixels of a picture.
   *
   * @param into of `pixelBytes` bytes
   * @returns whether they are those that were written
   */
  async read({ at, crc32: expected }: PixelPlace, into: Uint8Array): Promise<boolean> {
    if (this.#filled > 0) await this.#writePixels();
    const bytes = readSync(this.#reading, into, 0, this.#pixelBytes, at * this.#pixelBytes);
    return bytes === this.#pixelBytes && crc32(into) === expected;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#index.close();
    await this.#pixels.close();
    closeSync(this.#reading);
  }
}

async function writeLines(
  file: FileHandle,
  entries: Iterable<{ readonly path: string; readonly packed: PackedPicture }>,
): Promise<void> {
  let lines: string[] = [];
  for (const { path, packed } of entries) {
    lines.push(`${JSON.stringify({ path, ...packed }).replaceAll(/[\u2028\u2029]/g, escaped)}\n`);
    if (lines.length < LINES_TOGETHER) continue;
    await file.appendFile(lines.join(''));
    lines = [];
  }
  await file.appendFile(lines.join(''));
}

/** Readers of lines take some characters that JSON leaves as they are for the end of one. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16)}`;
}

/**
 * Reads an index, line by line: the last line about a file counts. A line that was cut, or points past the end of the pixels, is
 * as if it were not there; an index with such lines, or with many that no longer count, is written anew.
 */
async function openIndex(file: string, count: number): Promise<Map<string, PackedPicture>> {
  const pictures = new Map<string, PackedPicture>();
  const existing = await open(file, 'a+');
  let [lines, broken] = [0, 0];
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      lines++;
      try {
        const { path, ...packed } = JSON.parse(line) as { readonly path: string } & PackedPicture;
        if (!('at' in packed) || packed.at < count) pictures.set(path, packed);
        else broken++;
      } catch {
        broken++; // The process that wrote it was killed.
      }
    }
    const { size } = await existing.stat();
    const isWhole = size === 0 || (await existing.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0] === 0x0a;
    if (isWhole && broken === 0 && lines <= 2 * pictures.size) return pictures;
  } finally {
    await existing.close();
  }
  const draft = `${file}.${randomUUID()}`;
  const handle = await open(draft, 'a');
  await writeLines(
    handle,
    (function* () {
      for (const [path, packed] of pictures) yield { path, packed };
    })(),
  );
  await handle.close();
  await rename(draft, file);
  return pictures;
}
