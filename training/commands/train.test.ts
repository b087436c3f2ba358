import { type ChildProcess, execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { devNull, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { UsageError } from '#errors/user-error.ts';
import { readEvents } from '#models/run-events.ts';
import { readArguments, readResult } from '#models/runs.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { readVersion } from '#models/versions.ts';
import { loadCifar10 } from '../datasets/cifar10/cifar10.ts';
import { hasTensorFlow } from '../engine/tensorflow.ts';
import type { TrainingEvent } from '../record/events.ts';
import { instanceMetadataOnLoopback, reclaimNotice } from '../run/instance-metadata.fixture.ts';
import { trainingProcess } from '../run/training-process.fixture.ts';
import { trainCommand } from './train.ts';

let folder: string;
let pictures: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'train-command-'));
  pictures = join(folder, 'pictures');
  await writePictures(pictures, 1_000);
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache')); // Where the processes below keep their pixels.
}, 300_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/**
 * The first images of CIFAR-10, in a folder for each class: few, so that it takes no time to test on them, but enough held-out
 * ones to see that a run has learned something.
 */
async function writePictures(to: string, count: number): Promise<void> {
  const { classes, images, train } = await loadCifar10();
  const [height, width, channels] = images.size;
  const bytes = height * width * channels;
  const splitOf = (image: number) => (image % 10 < 6 ? 'train' : image % 10 < 9 ? 'val' : 'test');
  for (const split of ['train', 'val', 'test']) {
    for (const name of classes) await mkdir(join(to, split, name), { recursive: true });
  }
  for (let image = 0; image < count; image++) {
    const data = train.images.subarray(image * bytes, (image + 1) * bytes);
    const png = encode({ width, height, channels: channels as 3, data });
    await writeFile(join(to, splitOf(image), classes[train.labels[image]!]!, `${image}.png`), png);
  }
}

/** The real program on real data: a small net, and a checkpoint after each of a few dozen steps. */
const recipe = ['tiny', 'engine=tensorflow', 'batchSize=16', 'epochs=1', 'checkpointSeconds=0'];
const argumentsOf = (run: string, more: readonly string[] = []) => [
  'train',
  ...recipe.flatMap((word, index) => (index === 0 ? [word] : ['--set', word])),
  ...more,
  ...['--data', pictures, '--from', 'none', '--run', run, '--out', folder],
];

/** Sends a signal once, at the first checkpoint for which `isTime`. */
const atCheckpoint = (signal: NodeJS.Signals, isTime: (step: number) => boolean) => {
  let isSent = false;
  return (event: TrainingEvent, child: ChildProcess) => {
    if (isSent || event.type !== 'checkpoint' || !isTime(event.step)) return;
    isSent = true;
    child.kill(signal);
  };
};
const at = (step: number, signal: NodeJS.Signals) => atCheckpoint(signal, (done) => done >= step);

const isCheckpoint = (event: TrainingEvent) => event.type === 'checkpoint';

const weightsOf = async (run: string) => {
  const store = folderStore(folder);
  const { manifest } = await readVersion(store, (await readResult(store, run))!.version);
  return manifest.files.find(({ path }) => path === 'weights.bin')!.sha256;
};

describe.skipIf(!hasTensorFlow())('a training process', () => {
  beforeAll(async () => {
    expect(await trainingProcess(argumentsOf('alone'))).toMatchObject({ code: 0, errors: '' });
  }, 480_000);

  test('taken away with its instance, interrupted, terminated and out of disk, gives the weights of an uninterrupted run', {
    timeout: 480_000,
  }, async () => {
    // EC2 takes the instance back: the program reads the notice, and trains until it is gone, of which it hears nothing.
    await using metadata = await instanceMetadataOnLoopback({ notice: reclaimNotice() });
    const job = { AWS_BATCH_JOB_ID: 'job', AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url };
    const deadProxy = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: 'http://127.0.0.1:1', NO_PROXY: '' };
    let isNoticed = false;
    const take = atCheckpoint('SIGKILL', (step) => isNoticed && step >= 5);
    const taken = await trainingProcess(argumentsOf('hunted'), {
      environment: { ...job, ...deadProxy },
      onEvent: (event, child) => {
        isNoticed ||= event.type === 'reclaimed';
        take(event, child);
      },
    });
    expect(taken).toMatchObject({ code: null, signal: 'SIGKILL', errors: '' });
    expect(taken.events).toContainEqual(expect.objectContaining({ type: 'reclaimed', action: 'terminate' }));
    const asked = metadata.requests.length;
    expect(asked).toBe(2);

    // Ctrl-C: reports the step and how to resume.
    const interrupted = await trainingProcess(argumentsOf('hunted'), { onEvent: at(15, 'SIGINT') });
    expect(interrupted.code).toBe(130);
    const [started] = interrupted.events;
    expect(started?.type === 'started' && started.fromStep).toBeGreaterThanOrEqual(5);
    expect(interrupted.events.at(-1)).toMatchObject({
      type: 'interrupted',
      signal: 'SIGINT',
      resume: expect.stringMatching(
        /^\.\/cifar10 train tiny --data \S+ --from none --set engine=tensorflow .*--seed 1 --out \S+ --run hunted$/,
      ),
    });
    expect(interrupted.errors).toContain('SIGINT: keeping a checkpoint');

    // SIGTERM: another machine may try again.
    const terminated = await trainingProcess(argumentsOf('hunted'), {
      environment: { ...job, AWS_EC2_METADATA_DISABLED: 'true' },
      onEvent: at(25, 'SIGTERM'),
    });
    expect(terminated).toMatchObject({ code: 75 });
    expect(metadata.requests).toHaveLength(asked);

    // The last checkpoint holds the best weights too: it is larger than those before it, which the disk takes.
    const full = await trainingProcess(argumentsOf('hunted'), { largestFile: 300_000 });
    expect(full.code).toBe(1);
    const [message] = full.events.flatMap((event) => (event.type === 'failed' ? [event.message] : []));
    expect(full.errors).toContain(message);
    expect(message).toMatch(/^\/\S+ could not be written \(EFBIG\): its \d+ kB do not fit on the disk/);
    expect(message).toContain('Make room');

    // There is room, and metadata that cannot be asked disturb nothing.
    const environment = { ...job, AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' };
    const last = await trainingProcess(argumentsOf('hunted'), { environment });
    expect(last).toMatchObject({ code: 0, errors: '' });
    const fromStep = full.events.findLast(isCheckpoint)!.step;
    expect(last.events).toContainEqual(expect.objectContaining({ type: 'started', fromStep }));
    const warnings = last.events.filter(({ type }) => type === 'warning');
    expect(warnings).toMatchObject([{ message: expect.stringContaining('http://127.0.0.1:1 does not tell whether') }]);
    expect(await weightsOf('hunted')).toBe(await weightsOf('alone'));

    // Once more: it is finished, and stays as it is.
    const again = await trainingProcess(argumentsOf('hunted'));
    expect(again).toMatchObject({ code: 0, events: [{ type: 'saved' }] });
    expect(again.errors).toContain('The run hunted is finished');

    // With other arguments it is another run.
    const other = await trainingProcess(argumentsOf('hunted', ['--seed', '2']));
    expect(other).toMatchObject({ code: 2, events: [] });
    expect(other.errors).toContain('The run hunted exists with other arguments (seed: 1, not 2)');
  });

  test('continues from a version by its own recipe, as long as --budget says, without ruining it, and though nobody reads what it prints', {
    timeout: 480_000,
  }, async () => {
    const store = folderStore(folder);
    const { version, accuracy } = (await readResult(store, 'alone'))!;
    const set = ['--set', 'epochs=1', '--set', 'budget=1h', '--budget', '1s'];
    const words = ['train', '--from', version, ...set, '--data', pictures, '--run', 'further', '--out', folder];
    const onEvent = (_: TrainingEvent, child: ChildProcess) => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    };
    const ended = await trainingProcess(words, { onEvent });
    expect(ended).toMatchObject({ code: 0, events: [{ type: 'started', recipe: 'tiny', parent: version }] });
    const further = (await readResult(store, 'further'))!;
    expect(further.accuracy.plain).toBeGreaterThan(accuracy.plain - 0.15); // Of 100 test images.
    const settings = (await readArguments(store, 'further'))!.settings;
    expect(settings).toMatchObject({ net: 'tiny', engine: 'tensorflow', epochs: 1, learningRate: 0.02 });
    // Whatever --set says.
    const events = (await readEvents<TrainingEvent>(store, 'further')).map(({ event }) => event);
    expect(events).toContainEqual(expect.objectContaining({ type: 'fitted', budgetSeconds: 1 }));
  });

  test('ends soon after SIGTERM while it waits for its store', { timeout: 120_000 }, async () => {
    let child: ChildProcess | undefined;
    let terminatedAt = Number.POSITIVE_INFINITY;
    const requests: string[] = [];
    await using store = await serveNothing((url) => {
      requests.push(url);
      // The client has tried three times, and the program waits.
      if (requests.length !== 4) return;
      terminatedAt = performance.now();
      child?.kill('SIGTERM');
    });
    const environment = {
      ...{
        AWS_ENDPOINT_URL: store.url,
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_REGION: 'us-east-1',
      },
      AWS_CONFIG_FILE: devNull,
    };
    const words = ['train', 'tiny', '--run', 'a', '--out', 's3://bucket'];
    const onStart = (started: ChildProcess) => {
      child = started;
    };
    const ended = await trainingProcess(words, { environment, onStart });
    expect(ended).toMatchObject({ code: 75, events: [] });
    expect(ended.errors).toMatch(/SIGTERM: keeping a checkpoint …\nerror: s3:\/\/bucket is unavailable/);
    expect(performance.now() - terminatedAt).toBeLessThan(10_000);
  });
});

test('processes with the same seed give identical weights, to the last bit, however their batches are prepared', {
  timeout: 600_000,
}, async () => {
  const program = join(import.meta.dirname, '../engine/few-steps.fixture.ts');
  const digests = async (batches: string) => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--import',
      './setup/typescript.mjs',
      program,
      batches,
    ]);
    return JSON.parse(stdout) as Record<string, string>;
  };
  const first = await digests('inline');
  expect(Object.keys(first)).toEqual(expect.arrayContaining(['tiny-wasm', ...(hasTensorFlow() ? ['seed'] : [])]));
  expect(new Set(Object.values(first)).size).toBe(Object.keys(first).length);
  expect(await digests('ahead')).toEqual(first);
});

describe.skipIf(!hasTensorFlow() || totalmem() > 80e9)('a step that needs more memory than this machine has', () => {
  test('is refused before it is tried, with a batch size that fits', async () => {
    const widths = ['--set', 'widths=2048,2048,2048', '--set', 'precision=float32'];
    const words = ['train', 'quick', ...widths, '--set', 'batchSize=8192', '--run', 'large', '--out', folder];
    const ended = await trainingProcess(words);
    expect(ended).toMatchObject({ code: 1, signal: null });
    const [, needed, left, fitting] =
      /batchSize=8192 needs (\S+) GB at least, and (\S+) GB are free. Try --set batchSize=(\d+),/
        .exec(ended.errors)!
        .map(Number);
    expect(needed).toBeGreaterThan(80);
    expect((needed! / 8192) * fitting!).toBeLessThan(left! / 3);
    expect(ended.events).toEqual([]);
    expect(await folderStore(folder).get('runs/large/args.json')).toBeUndefined();
  });
});

/** A store that answers nothing but that it is not available. */
async function serveNothing(onRequest: (url: string) => void): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    onRequest(request.url ?? '');
    response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('bad arguments give exit code 2, and nothing is written', () => {
  test.each([
    [['train', 'quik'], 'did you mean "quick"?'],
    [['train', '--seed', '-1'], 'It must be a whole number'],
    [['train', '--sed', '1'], "unknown option '--sed'"],
    [['trian'], "unknown command 'trian'"],
  ])('to the process: %j', async (words, message) => {
    const ended = await trainingProcess(words);
    expect(ended).toMatchObject({ code: 2, events: [] });
    expect(ended.errors).toContain(message);
  });

  test.each([
    [['--set', 'epoch=3'], 'did you mean "epochs"?'],
    [['--budget', '5d'], 'budget cannot be "5d"'],
    [['--run', '../../etc'], 'cannot name a run'],
    [['--out', 'gs://bucket'], 'is not a store'],
    [['--out', '/dev/null/store'], '/dev/null/store does not exist: a part of it, before a slash, is a file'],
    [['--out', '/proc/x'], 'Nothing can be stored in /proc/x ('],
    [['--data', 'cifar'], 'There is no data set "cifar", and no such path. --data takes cifar10, cifar100, '],
    [['--from', 's3://bucket/model'], 'is not something to train from'],
    [['--from', 'nosuch.h5'], 'nosuch.h5 cannot be read (ENOENT)'],
  ])('%j', async (words, message) => {
    const written = vi.spyOn(process.stdout, 'write');
    const refused = trainCommand().parseAsync([...words, '--json'], { from: 'user' });
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ exitCode: 2 });
    expect(written).not.toHaveBeenCalled();
    written.mockRestore();
  });
});
