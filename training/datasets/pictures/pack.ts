import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { PictureFacts } from './picture-facts.ts';

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
export type PackedPicture = FileState &
  ((PixelPlace & { readonly facts: PictureFacts }) | { readonly sha256: string; readonly problem: string });

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
  #next: number;
  #lines: { readonly path: string; readonly packed: PackedPicture }[] = [];

  private constructor(
    pixelBytes: number,
    pictures: Map<string, PackedPicture>,
    files: { readonly index: FileHandle; readonly pixels: FileHandle; readonly next: number },
  ) {
    this.#pixelBytes = pixelBytes;
    this.#pictures = pictures;
    this.#index = files.index;
    this.#pixels = files.pixels;
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
    const pixels = await open(join(folder, 'pixels.bin'), 'a+');
    const whole = Math.floor((await pixels.stat()).size / pixelBytes);
    await pixels.truncate(whole * pixelBytes); // What a killed process wrote in part.
    const pictures = readIndex(await readFile(join(folder, 'index.jsonl'), 'utf8').catch(() => ''), whole);
    const draft = join(folder, `index.jsonl.${randomUUID()}`);
    const lines = [...pictures].map(([path, packed]) => `${JSON.stringify({ path, ...packed })}\n`);
    await writeFile(draft, lines.join(''));
    await rename(draft, join(folder, 'index.jsonl'));
    const index = await open(join(folder, 'index.jsonl'), 'a');
    return new Pack(pixelBytes, pictures, { index, pixels, next: whole });
  }

  get(path: string): PackedPicture | undefined {
    return this.#pictures.get(path);
  }

  /** The position of the pixels of an equal file. @returns `undefined` if there is none */
  find(sha256: string): PixelPlace | undefined {
    return this.#bySha256.get(sha256);
  }

  /** Appends a picture; it is on the disk after the next `flush`. */
  async add(
    path: string,
    state: FileState,
    { facts, pixels }: { facts: PictureFacts; pixels: Uint8Array },
  ): Promise<void> {
    let place = this.find(facts.sha256);
    if (place === undefined) {
      place = { at: this.#next++, crc32: crc32(pixels) };
      await this.#pixels.appendFile(pixels);
    }
    this.#note(path, { ...state, facts, at: place.at, crc32: place.crc32 });
  }

  addProblem(path: string, state: FileState, found: { readonly sha256: string; readonly problem: string }): void {
    this.#note(path, { ...state, ...found });
  }

  #note(path: string, packed: PackedPicture): void {
    this.#pictures.set(path, packed);
    if ('at' in packed) this.#bySha256.set(packed.facts.sha256, packed);
    this.#lines.push({ path, packed });
  }

  /** Forgets the pixels at a place, which are damaged, and the files that have them: they are opened again next time. */
  forget(at: number): void {
    for (const [path, packed] of this.#pictures) {
      if (!('at' in packed) || packed.at !== at) continue;
      this.#bySha256.delete(packed.facts.sha256);
      this.#note(path, { bytes: -1, modified: 0, sha256: '', problem: 'was damaged in the cache' });
    }
  }

  /** Writes the index of what was added. */
  async flush(): Promise<void> {
    if (this.#lines.length === 0) return;
    await this.#pixels.datasync();
    const lines = this.#lines.map(({ path, packed }) => `${JSON.stringify({ path, ...packed })}\n`);
    this.#lines = [];
    await this.#index.appendFile(lines.join(''));
  }

  /**
   * Reads the pixels of a picture.
   *
   * @param into of `pixelBytes` bytes
   * @returns whether they are those that were written
   */
  async read({ at, crc32: expected }: PixelPlace, into: Uint8Array): Promise<boolean> {
    const { bytesRead } = await this.#pixels.read(into, 0, this.#pixelBytes, at * this.#pixelBytes);
    return bytesRead === this.#pixelBytes && crc32(into) === expected;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#index.close();
    await this.#pixels.close();
  }
}

/** The last line about a file counts. A line that was cut, or points past the end of the pixels, is as if it were not there. */
function readIndex(text: string, count: number): Map<string, PackedPicture> {
  const pictures = new Map<string, PackedPicture>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      const { path, ...packed } = JSON.parse(line) as { readonly path: string } & PackedPicture;
      if (!('at' in packed) || packed.at < count) pictures.set(path, packed);
    } catch {
      // The process that wrote it was killed.
    }
  }
  return pictures;
}
