import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { encode } from 'fast-png';
import { parseLayersModel } from '#inference/engine/model/layers-model.ts';
import { lowerModel } from '#inference/engine/model/lower.ts';
import { readersPython } from '#setup/readers.mjs';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { onnxModel } from './onnx.ts';
import { usageOf } from './process-usage.ts';
import { writeResults } from './results.ts';
import { storeUntrained, untrained } from './untrained.ts';

interface Options {
  readonly pictures: number;
  readonly photos: number;
}

interface Row {
  readonly program: string;
  readonly set: string;
  readonly pictures: number;
  readonly seconds: number;
  /** Pictures a second, the start of the program included. */
  readonly perSecond: number;
  /** Milliseconds of processor time for each picture, user and kernel, the start of the program included. */
  readonly cpuMilliseconds: number;
  /** Megabytes of resident memory: the peak, and samples at even times. */
  readonly peakMemory: number;
  readonly memory: readonly number[];
}

/** ONNX Runtime on all cores, with Pillow: what a person would write in Python. */
const PEER = `
import csv, os, sys
import numpy as np
import onnxruntime
from PIL import Image
folder, model, out = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
def read(file):
    image = Image.open(file).convert('RGB')
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(image.resize((32, 32), Image.Resampling.BOX, (left, top, left + side, top + side)))
files = sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)
with open(out, 'w') as file:
    rows = csv.writer(file)
    for start in range(0, len(files), 64):
        batch = files[start:start + 64]
        logits = session.run(['logits'], {'images': np.stack([read(each) for each in batch])})[0]
        rows.writerows(zip(batch, logits.argmax(1)))
`;

/** Photos of three megapixels, of clouds in colors. */
const PHOTOS = `
import os, sys
import numpy as np
from PIL import Image
folder, count, random = sys.argv[1], int(sys.argv[2]), np.random.default_rng(1)
for index in range(count):
    noise = random.integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(noise).resize((2048, 1536), Image.Resampling.BICUBIC).save(f'{folder}/{index}.jpg', quality=90)
`;

/** Classifies a folder of small pictures, and one of photos, with `cifar10 classify` and with ONNX Runtime in Python. */
export async function benchmarkClassifying({ pictures, photos }: Options): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cifar10-classify-'));
  try {
    const store = join(folder, 'store');
    const network = untrained.find(({ name }) => name === 'airbench-32-64-64')!;
    await storeUntrained(network, store);
    const { modelJson, weightsBin } = await network.files();
    await writeFile(join(folder, 'model.onnx'), onnxModel(lowerModel(parseLayersModel(modelJson, weightsBin))));
    await writePictures(join(folder, 'pictures'), pictures);
    const python = readersPython();
    const sets = [{ set: 'pictures', count: pictures }];
    if (python !== undefined && photos > 0) {
      await mkdir(join(folder, 'photos'));
      await measure('', '', photos, python, ['-c', PHOTOS, join(folder, 'photos'), String(photos)]);
      sets.push({ set: 'photos', count: photos });
    }
    const rows: Row[] = [];
    for (const { set, count } of sets) {
      const from = join(folder, set);
      const out = join(folder, `${set}.csv`);
      const command = [
        '--import',
        './setup/typescript.mjs',
        'cli/cifar10.ts',
        'classify',
        from,
        '--store',
        store,
        '--out',
        out,
      ];
      rows.push(await measure('cifar10 classify', set, count, process.execPath, command));
      if ((await readFile(out, 'utf8')).split('\n').length !== count + 2) throw new Error('A picture has no row.');
      if (python === undefined) continue;
      const peer = ['-c', PEER, from, join(folder, 'model.onnx'), join(folder, 'peer.csv')];
      rows.push(await measure('ONNX Runtime and Pillow, one process', set, count, python, peer));
    }
    for (const row of rows) {
      process.stdout.write(
        `${row.program}: ${row.pictures} ${row.set} in ${row.seconds.toFixed(1)} s, ${row.perSecond.toFixed(0)} a second; ` +
          `${row.cpuMilliseconds.toFixed(2)} ms of processor time each; at most ${row.peakMemory.toFixed(0)} MB\n`,
      );
    }
    if (python === undefined) process.stdout.write('ONNX Runtime is not installed: "npm run setup -- --with-tests".\n');
    const command = `npm run bench -- classify --pictures ${pictures} --photos ${photos}`;
    const last = await writeResults('classify', command, { load: loadavg(), rows });
    process.stdout.write(`${last.join('\n')}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** CIFAR-10's images as PNG files, again and again, a thousand in a folder. */
async function writePictures(folder: string, count: number): Promise<void> {
  const { train } = await loadCifar10();
  for (let index = 0; index < count; index++) {
    if (index % 1000 === 0) await mkdir(join(folder, String(index / 1000)), { recursive: true });
    const at = 3072 * (index % train.count);
    const png = encode({ width: 32, height: 32, channels: 3, data: train.images.subarray(at, at + 3072) });
    await writeFile(join(folder, String(Math.floor(index / 1000)), `${index}.png`), png);
  }
}

/** Milliseconds between two looks at a process. */
const INTERVAL = 100;
const SAMPLES = 20;

async function measure(
  program: string,
  set: string,
  pictures: number,
  command: string,
  args: readonly string[],
): Promise<Row> {
  const began = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const errors = text(child.stderr);
  const memory: number[] = [];
  let [cpuSeconds, peakMemory] = [0, 0];
  const look = setInterval(() => {
    const usage = usageOf(child.pid!);
    if (usage === undefined) return;
    ({ cpuSeconds } = usage);
    peakMemory = usage.peakMemory / 2 ** 20;
    void residentOf(child.pid!).then((megabytes) => memory.push(megabytes));
  }, INTERVAL);
  const [code] = await once(child, 'exit');
  clearInterval(look);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${await errors}`);
  const seconds = (performance.now() - began) / 1000;
  const every = Math.max(1, Math.floor(memory.length / SAMPLES));
  return {
    ...{ program, set, pictures, seconds, perSecond: pictures / seconds },
    ...{ cpuMilliseconds: (1000 * cpuSeconds) / pictures, peakMemory },
    memory: memory.filter((_, index) => index % every === 0).map(Math.round),
  };
}

async function residentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}
