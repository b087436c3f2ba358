import { link as hardLink, mkdir, open, realpath, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, posix, sep } from 'node:path';
import { crc32 } from 'node:zlib';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';

/** What an archive may become. All are counted while it is unpacked: what its headers say may be wrong. */
export interface ArchiveLimits {
  readonly entries: number;
  /** Of all files together. */
  readonly bytes: number;
  /** How many times as large as the archive all files together may be, once they are larger than `ratioFrom` bytes. */
  readonly ratio: number;
  readonly ratioFrom: number;
}

/** Pictures are compressed already, so that an archive of them hardly grows; only raw ones of one colour grow a hundredfold. */
export const archiveLimits: ArchiveLimits = {
  entries: 2_000_000,
  bytes: 500_000_000_000,
  ratio: 100,
  ratioFrom: 200_000_000,
};

export interface UnpackOptions {
  /** The archive's name for people. */
  readonly archive: string;
  /** The archive's size. */
  readonly packedBytes: number;
  /** An empty folder. */
  readonly folder: string;
  readonly limits: ArchiveLimits;
  readonly onFile: (files: number) => void;
}

/** Writes the entries of an archive into a folder, and nothing outside of it. */
export class Unpacking {
  readonly #options: UnpackOptions;
  readonly #links: { readonly path: string; readonly target: string; readonly isHard: boolean }[] = [];
  readonly #made = new Set<string>();
  #entries = 0;
  #bytes = 0;

  constructor(options: UnpackOptions) {
    this.#options = options;
  }

  /**
   * Writes a file. Its time is made of its content, so that the cache of pixels, which goes by size and time, opens it again only
   * when its content changes.
   *
   * @returns the CRC-32 of its bytes
   * @throws {UserError} its name leads out, a limit is reached, or the disk is full
   */
  async file(name: string, chunks: AsyncIterable<Buffer>): Promise<number> {
    const path = this.#take(name);
    let crc = 0;
    if (path === undefined) {
      for await (const chunk of chunks) this.#count(chunk.length);
      return crc;
    }
    const target = join(this.#options.folder, path);
    try {
      await this.#folderFor(target);
      const handle = await open(target, 'w');
      try {
        for await (const chunk of chunks) {
          this.#count(chunk.length);
          crc = crc32(chunk, crc);
          await writeFile(handle, chunk);
        }
        await handle.utimes(crc / 1000, crc / 1000);
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw this.#explained(error, name);
    }
    this.#options.onFile(this.#entries);
    return crc;
  }

  /**
   * Notes a link; it is made when all files are there, so that none is written through one.
   *
   * @param target as the archive has it: of a hard link from the archive's root, of another from the link's folder
   * @throws {UserError} it leads out
   */
  link(name: string, target: string, { isHard }: { readonly isHard: boolean }): void {
    const path = this.#take(name);
    if (path === undefined) return;
    const slashed = target.replaceAll('\\', '/');
    const reached = posix.normalize(isHard ? slashed : posix.join(posix.dirname(path), slashed));
    if (isOutside(slashed, reached)) throw this.#leadsOut(`${name}, a link to ${target},`);
    this.#links.push({ path, target: reached, isHard });
  }

  /** Makes the links. @throws {UserError} one leads out by way of another, or nowhere */
  async finish(): Promise<void> {
    const { folder } = this.#options;
    const root = await realpath(folder);
    for (const { path, target, isHard } of this.#links.toSorted(
      (one, other) => Number(other.isHard) - Number(one.isHard),
    )) {
      const at = join(folder, path);
      try {
        await this.#folderFor(at);
        if (isHard) await hardLink(join(folder, target), at);
        else await symlink(posix.relative(posix.dirname(path), target) || '.', at);
      } catch (error) {
        throw this.#explained(error, path);
      }
    }
    for (const { path } of this.#links) {
      const reached = await realpath(join(folder, path)).catch(() => root);
      if (reached !== root && !reached.startsWith(root + sep)) throw this.#leadsOut(path);
    }
  }

  /** @returns the path in the folder; `undefined` for what macOS adds */
  #take(name: string): string | undefined {
    const { archive, limits } = this.#options;
    if (++this.#entries > limits.entries) {
      throw new UserError(
        `${archive} has more than ${limits.entries} entries. Unpack it yourself, and give the folder.`,
      );
    }
    const slashed = name.replaceAll('\\', '/');
    const path = posix.normalize(slashed).replace(/\/$/, '');
    if (isOutside(slashed, path)) throw this.#leadsOut(name);
    if (path === '.' || path.includes('\0'))
      throw new UserError(`${archive} has an entry without a valid name. Make it anew.`);
    return path.split('/')[0] === '__MACOSX' ? undefined : path;
  }

  #count(bytes: number): void {
    const { archive, limits, packedBytes } = this.#options;
    this.#bytes += bytes;
    const isBomb = this.#bytes > limits.ratioFrom && this.#bytes > limits.ratio * packedBytes;
    if (!isBomb && this.#bytes <= limits.bytes) return;
    const size = `${(this.#bytes / 1e6).toFixed(0)} MB`;
    throw new UserError(
      isBomb
        ? `${archive} unpacks to more than ${limits.ratio} times its size (${size} so far), as a zip bomb does. Unpack it yourself, and give the folder.`
        : `${archive} unpacks to more than ${size}. Unpack it yourself, and give the folder.`,
    );
  }

  async #folderFor(path: string): Promise<void> {
    const folder = dirname(path);
    if (this.#made.has(folder)) return;
    await mkdir(folder, { recursive: true });
    this.#made.add(folder);
  }

  #leadsOut(name: string): UserError {
    return new UserError(
      `${this.#options.archive} has the entry ${name} which leads out of it. Nothing was kept. Make the archive anew, with paths in it only.`,
    );
  }

  /** A file that is a folder elsewhere in the archive, a name that is too long, a full disk. */
  #explained(error: unknown, name: string): unknown {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'ENOENT') {
      return new UserError(
        `${this.#options.archive} has the entry ${name} twice, as a file and as a folder or link, or a link to nothing. Make it anew.`,
        { cause: error },
      );
    }
    return systemError(error, join(this.#options.folder, name)) ?? error;
  }
}

function isOutside(given: string, normal: string): boolean {
  return given.startsWith('/') || /^[a-z]:/i.test(given) || normal === '..' || normal.startsWith('../');
}
