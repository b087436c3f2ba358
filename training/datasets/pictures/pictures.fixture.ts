import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encode } from 'fast-png';
import { vi } from 'vitest';

/** A folder of its own for a test's pictures and cache. */
export async function temporaryFolder(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'pictures-'));
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  return {
    folder,
    async remove() {
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true });
    },
  };
}

/** A picture that is unlike one with another number: blots of random places and colours. */
export function png(number: number, { width = 40, height = 40 } = {}): Uint8Array {
  const data = new Uint8Array(3 * width * height);
  let state = 2654435761 * (number + 1);
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let blot = 0; blot < 12; blot++) {
    const [left, top, across, down] = [next(width), next(height), 4 + next(width / 2), 4 + next(height / 2)];
    const colour = [next(256), next(256), next(256)];
    for (let y = top; y < Math.min(height, top + down); y++) {
      for (let x = left; x < Math.min(width, left + across); x++) data.set(colour, 3 * (y * width + x));
    }
  }
  return encode({ width, height, channels: 3, depth: 8, data });
}

/** Writes files by their paths, with the folders that they need. */
export async function writeFiles(folder: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  for (const [path, body] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), body);
  }
}

/** Two classes of so many pictures each. */
export function catsAndDogs(count: number): Record<string, Uint8Array> {
  return Object.fromEntries(
    Array.from(
      { length: count },
      (_, number) =>
        [
          [`cats/${number}.png`, png(number)],
          [`dogs/${number}.png`, png(1_000 + number)],
        ] as const,
    ).flat(),
  );
}
