import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withServing } from '#cli/commands/serve.fixture.ts';
import { UserError } from '#errors/user-error.ts';
import { readersPython } from '#setup/readers.mjs';
import { usageOf } from './process-usage.ts';
import { writeResults } from './results.ts';

/** What one process measures that decodes a picture several times. */
export interface Decoding {
  /** Medians, in milliseconds. */
  readonly wall: number;
  readonly cpu: number;
  /** Growth of the process's peak memory, in megabytes. */
  readonly memory: number;
  /** `[32, 32, 3]`, in Base64 */
  readonly pixels: string;
}

interface Row extends Omit<Decoding, 'pixels'> {
  readonly picture: string;
  readonly bytes: number;
  /** Largest and mean difference from averaging all pixels that Pillow decodes. */
  readonly difference: { readonly most: number; readonly mean: number };
  /** Eight requests at the same time to `cifar10 serve`: seconds until the last answer, and growth of peak memory. */
  readonly eight: { readonly seconds: number; readonly memory: number };
}

/** A photo of 12 megapixels of clouds in colors at several scales, in each format, and its square center at 32x32 beside it. */
const PICTURES = `
import os, sys
import numpy as np
from PIL import Image, ImageFilter
folder, (width, height), random = sys.argv[1], (4000, 3000), np.random.default_rng(1)
sums = np.zeros((height, width, 3), np.float32)
for size, weight in [(500, 60), (100, 40), (25, 25), (6, 14), (1, 6)]:
    noise = random.normal(size=(height // size + 2, width // size + 2, 3)).astype(np.float32)
    for channel in range(3):
        sums[..., channel] += weight * np.asarray(Image.fromarray(noise[..., channel]).resize((width, height), Image.Resampling.BICUBIC))
photo = Image.fromarray(np.clip(sums + 128, 0, 255).astype(np.uint8))
drawing = photo.filter(ImageFilter.GaussianBlur(20)).quantize(64).convert('RGB')
def save(image, name, **options):
    file = os.path.join(folder, name)
    image.save(file, **options)
    square = Image.open(file).convert('RGB').crop((500, 0, 3500, 3000))
    areas = [square.getchannel(channel).convert('F').resize((32, 32), Image.Resampling.BOX) for channel in 'RGB']
    np.rint(np.stack([np.asarray(area) for area in areas], axis=-1)).astype(np.uint8).tofile(file + '.rgb')
save(photo, 'baseline.jpg', quality=90)
save(photo, 'progressive.jpg', quality=90, progressive=True)
save(drawing, 'rgb.png')
save(drawing.convert('RGBA'), 'rgba.png')
save(photo, 'lossy.webp', quality=80)
save(drawing, 'lossless.webp', lossless=True, method=0)
`;

/**
 * Decodes photos of 12 megapixels in each format, alone and by eight requests at once.
 *
 * @throws {UserError} Pillow is not installed, or a request was not answered with 200
 */
export async function benchmarkPictures({ rounds }: { readonly rounds: number }): Promise<void> {
  const python = readersPython();
  if (python === undefined) {
    throw new UserError('Pillow, which makes the photos, is not installed. Run "npm run setup -- --with-tests".');
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-pictures-'));
  try {
    const { status, stderr } = spawnSync(python, ['-c', PICTURES, folder], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    const rows: Row[] = [];
    for (const picture of (await readdir(folder)).filter((name) => !name.endsWith('.rgb'))) {
      const file = path.join(folder, picture);
      const row = await measure(picture, file, rounds);
      rows.push(row);
      const { wall, cpu, memory, difference, eight } = row;
      process.stdout.write(
        `${picture.padEnd(15)} ${(row.bytes / 1e6).toFixed(1)} MB: ${wall.toFixed(0)} ms (${cpu.toFixed(0)} of CPU time), ` +
          `${memory.toFixed(0)} MB; eight at once ${eight.seconds.toFixed(1)} s, ${eight.memory.toFixed(0)} MB; ` +
          `differs by ${difference.most} at most, ${difference.mean.toFixed(2)} on average\n`,
      );
    }
    const last = await writeResults('pictures', `npm run bench -- pictures --rounds ${rounds}`, { rows });
    process.stdout.write(`${last.join('\n')}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(picture: string, file: string, rounds: number): Promise<Row> {
  const program = fileURLToPath(new URL('pictures-contestant.ts', import.meta.url));
  const alone = spawnSync(process.execPath, ['--import', './setup/typescript.mjs', program, file, String(rounds)], {
    encoding: 'utf8',
  });
  if (alone.status !== 0) throw new Error(alone.stderr);
  const { pixels, ...figures } = JSON.parse(alone.stdout) as Decoding;
  const expected = await readFile(`${file}.rgb`);
  const differences = Array.from(Buffer.from(pixels, 'base64'), (value, index) => Math.abs(value - expected[index]!));
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  const body = new Uint8Array(await readFile(file));
  const eight = await eightAtOnce(body);
  return { picture, bytes: body.length, ...figures, difference: { most: Math.max(...differences), mean }, eight };
}

async function eightAtOnce(body: Uint8Array<ArrayBuffer>): Promise<Row['eight']> {
  return withServing(async ({ url, process: server }) => {
    const post = async (sent: Uint8Array<ArrayBuffer>) => {
      const response = await fetch(`${url}/classify`, { method: 'POST', body: sent });
      if (response.status !== 200)
        throw new UserError(`The server answered ${response.status}: ${await response.text()}`);
      await response.arrayBuffer();
    };
    await post(new Uint8Array(3072)); // The first request of a server takes longer.
    const before = usageOf(server.pid!)!.peakMemory;
    const started = performance.now();
    await Promise.all(Array.from({ length: 8 }, () => post(body)));
    const seconds = (performance.now() - started) / 1000;
    return { seconds, memory: (usageOf(server.pid!)!.peakMemory - before) / 2 ** 20 };
  });
}
