import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { writeResults } from './results.ts';

/** What a process measures that opens the pictures of a folder. */
export interface Opening {
  readonly seconds: number;
  /** Processor time of all threads. */
  readonly cpuSeconds: number;
  /** Peak resident memory of the process, in bytes. */
  readonly peakMemory: number;
}

interface Sizes {
  /** Of 32x32, as PNG. */
  readonly small: number;
  /** Of 640x480, as JPEG. */
  readonly photos: number;
}

const CLASSES = 10;

/**
 * Makes two sets of pictures, and imports each: anew, again, with one changed file, after a kill half way, and to train on.
 */
export async function benchmarkImport({ small, photos }: Sizes): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cifar10-import-'));
  try {
    const sets = [
      ...(small > 0
        ? [{ name: `${small} PNG of 32x32`, count: small, width: 32, height: 32, ending: 'png' as const }]
        : []),
      ...(photos > 0
        ? [{ name: `${photos} JPEG of 640x480`, count: photos, width: 640, height: 480, ending: 'jpg' as const }]
        : []),
    ];
    const rows = [];
    for (const set of sets) {
      const place = join(folder, set.ending);
      process.stdout.write(`making ${set.name}\n`);
      await makePictures(place, set);
      const row = { pictures: set.name, ...(await measure(place, join(folder, `cache-${set.ending}`), set)) };
      rows.push(row);
    }
    const last = await writeResults('import', `npm run bench -- import --small ${small} --photos ${photos}`, { rows });
    process.stdout.write(`${last.join('\n')}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface MadeSet {
  readonly name: string;
  readonly count: number;
  readonly width: number;
  readonly height: number;
  readonly ending: 'png' | 'jpg';
}

async function makePictures(place: string, { count, ...size }: MadeSet): Promise<void> {
  for (let label = 0; label < CLASSES; label++) await mkdir(join(place, `class-${label}`), { recursive: true });
  for (let first = 0; first < count; first += 16) {
    await Promise.all(
      Array.from({ length: Math.min(16, count - first) }, async (_, at) => {
        await writeFile(fileOf(place, first + at, size.ending), await scene(first + at, size));
      }),
    );
  }
}

function fileOf(place: string, number: number, ending: string): string {
  return join(place, `class-${number % CLASSES}`, `${number}.${ending}`);
}

/** Soft spots of colour below grain: like a photo in what a decoder has to do. */
async function scene(number: number, { width, height, ending }: Omit<MadeSet, 'count' | 'name'>): Promise<Buffer> {
  let state = 2654435761 * (number + 1);
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  const spots = Uint8Array.from({ length: 8 * 8 * 3 }, random);
  const soft = await sharp(spots, { raw: { width: 8, height: 8, channels: 3 } })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .raw()
    .toBuffer();
  for (let at = 0; at < soft.length; at++) soft[at] = Math.min(255, Math.max(0, soft[at]! + (random() >> 4) - 8));
  const picture = sharp(soft, { raw: { width, height, channels: 3 } });
  return ending === 'png' ? picture.png({ compressionLevel: 3 }).toBuffer() : picture.jpeg({ quality: 88 }).toBuffer();
}

async function measure(place: string, cache: string, set: MadeSet) {
  const first = await told('first', set, openIn(place, cache));
  const again = await told('again', set, openIn(place, cache));
  await writeFile(fileOf(place, 0, set.ending), await scene(set.count, set));
  const oneChanged = await told('one file changed', set, openIn(place, cache));
  const loaded = await told('to train on', set, openIn(place, cache, 'load'));
  await rm(cache, { recursive: true });
  const kept = await killHalfWay(place, cache, set.count);
  process.stdout.write(`  killed with ${kept} in the cache\n`);
  const resumed = await told('resumed', set, openIn(place, cache));
  return { first, again, oneChanged, loaded, resumed: { ...resumed, kept } };
}

async function told(what: string, { count }: MadeSet, opening: Promise<Opening>): Promise<Opening> {
  const measured = await opening;
  const { seconds, cpuSeconds, peakMemory } = measured;
  process.stdout.write(
    `  ${what.padEnd(16)} ${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of processor time), ` +
      `${Math.round(count / seconds).toLocaleString('en')} pictures/s, ${(peakMemory / 1e6).toFixed(0)} MB\n`,
  );
  return measured;
}

function start(place: string, cache: string, what: 'check' | 'load') {
  const program = fileURLToPath(new URL('import-contestant.ts', import.meta.url));
  const env = { ...process.env, XDG_CACHE_HOME: cache };
  return spawn(process.execPath, ['--import', './setup/typescript.mjs', program, place, what], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function openIn(place: string, cache: string, what: 'check' | 'load' = 'check'): Promise<Opening> {
  const child = start(place, cache, what);
  return JSON.parse(await text(child.stdout)) as Opening;
}

/** @returns how many pictures the cache had when the process was killed */
async function killHalfWay(place: string, cache: string, count: number): Promise<number> {
  const child = start(place, cache, 'check');
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const kept = async () => {
    const folders = await readdir(join(cache, 'cifar10')).catch(() => []);
    const pack = folders.find((name) => /^pictures-[0-9a-f]{16}$/.test(name));
    const pixels = pack && (await stat(join(cache, 'cifar10', pack, 'pixels.bin')).catch(() => undefined));
    return pixels ? Math.floor(pixels.size / 3072) : 0;
  };
  while ((await kept()) < count / 2 && child.exitCode === null) await sleep(20);
  child.kill('SIGKILL');
  await ended;
  return kept();
}
