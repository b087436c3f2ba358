import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { shownPath } from '#environment/home.ts';
import { withEndpoint } from '#inference/app.fixture.ts';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import type { Card } from '#models/card.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { readVersion } from '#models/versions.ts';
import { slice } from '#training/data/dataset.ts';
import { smallDataset } from '#training/data/small-dataset.fixture.ts';
import { openDataset } from '#training/datasets/open-dataset.ts';
import { packDataset } from '#training/datasets/packed/pack-dataset.ts';
import { png, temporaryFolder, writeFiles } from '#training/datasets/pictures/pictures.fixture.ts';
import type { EvaluationReport } from '#training/evaluation/evaluation-report.ts';
import { interval95, measure } from '#training/evaluation/measure.ts';
import { openStoredModel } from '#training/evaluation/stored-model.ts';
import { evaluateServed, isAsStated } from './evaluate.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const home = join(tmpdir(), 'cifar10-empty-home');

interface Printed {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

function evaluate(...args: string[]): Promise<Printed> {
  return evaluateWith({}, ...args);
}

async function evaluateWith(variables: NodeJS.ProcessEnv, ...args: string[]): Promise<Printed> {
  const child = spawn(process.execPath, ['--import', './setup/typescript.mjs', 'cli/cifar10.ts', 'evaluate', ...args], {
    cwd: root,
    // Where no LocalStack runs.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1', CIFAR10_HOME: home, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, error };
}

const json = ({ out }: { readonly out: string }): EvaluationReport => JSON.parse(out);

/** A card that claims this accuracy on so many images. */
async function cardOf(plain: number, images: number): Promise<Partial<Card>> {
  const { accuracy } = JSON.parse(Buffer.from((await exampleModel()).get('card.json')!).toString()) as Card;
  return { accuracy: { ...accuracy, plain, images, interval95: interval95(plain, images) } };
}

test('an endpoint is evaluated on the pictures that a job has packed into its bucket, where this machine never saw them', () =>
  withEndpoint(async ({ url, promote }) => {
    const { classes } = JSON.parse(Buffer.from((await exampleModel()).get('card.json')!).toString()) as Card;
    const { folder, remove } = await temporaryFolder();
    onTestFinished(remove);
    const pictures = classes.flatMap((name, at) => [1, 2, 3].map((n) => [`${name}/${n}.png`, png(10 * at + n)]));
    await writeFiles(join(folder, 'photos'), Object.fromEntries(pictures));
    const data = await openDataset(join(folder, 'photos'));
    const bucket = folderStore(join(folder, 'bucket'));
    await packDataset(bucket, data);
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'another-machine'));
    await promote({
      card: {
        name: data.name,
        classes: [...data.classes],
        data: { name: data.title, sha256: data.sha256, heldOut: 2 },
      },
    });

    const served = { url, apiKey: undefined };
    await expect(evaluateServed(undefined, served, { json: true })).rejects.toThrow('never loaded on this machine');
    const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await evaluateServed(undefined, { ...served, store: async () => bucket }, { json: true });
    const [[text]] = printed.mock.calls as [[string]];
    printed.mockRestore();
    expect(JSON.parse(text)).toMatchObject({ images: data.test.count });
  }));

test('an endpoint is evaluated as it is, behind any gateway', () =>
  withEndpoint(async ({ url, promote, store }) => {
    const id = await promote();
    const version = await readVersion(store, id);
    const split = slice((await smallDataset(64, 640)).test, 0, 300); // 64 do not divide it
    const model = await openStoredModel(version);
    const { classes, temperature } = version.card;
    const known = measure(model.predict(split.images), split.labels, { classes: classes.length, temperature });
    model.dispose();

    const asked = json(await evaluate('--endpoint', url, '--images', '300', '--json'));
    expect(asked).toMatchObject({ version: id, runtime: url, images: 300, plain: known.plain, top: known.top });
    expect(asked.confusion).toEqual(known.confusion);
    expect(asked.loss).toBeCloseTo(known.loss, 4);
    expect(asked.calibration.before.error).toBeCloseTo(known.calibration.before.error, 4);
    expect(asked.calibration.after.error).toBeCloseTo(known.calibration.after.error, 4);
    expect(asked).not.toHaveProperty('tta');
    expect(asked.mistakes[0]!.forLabel).toBeLessThanOrEqual(asked.mistakes[1]!.forLabel);

    await behindABusyGateway(url, async (gateway, refused) => {
      expect(await evaluate('--endpoint', gateway, '--images', '300')).toMatchObject({ code: 1 });
      const behind = json(await evaluate('--endpoint', gateway, '--api-key', 'k', '--images', '300', '--json'));
      expect({ ...behind, runtime: url }).toEqual(asked);
      expect(refused()).toEqual(new Set([403, 429, 503, 'cut off']));
    });
  }));

test('an endpoint fails whose accuracy differs from its card', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const { plain } = json(await evaluate('--endpoint', url, '--images', '200', '--json'));

    await promote({ card: await cardOf(plain, 200) });
    const honest = await evaluate('--endpoint', url, '--images', '200');
    expect(honest).toMatchObject({ code: 0 });
    expect(honest.error).toContain("The endpoint's accuracy is that of its card");
    expect(honest.out).toMatch(/on 200 test images, by http/);
    expect(honest.out).toMatch(/airplane +\d+ +[\d.]+ +[\d.]+ /);

    const boasting = await promote({ card: await cardOf(plain + 0.01, 200) }, 'candidate');
    const found = await evaluate('candidate', '--endpoint', url, '--images', '200');
    expect(found.code).toBe(1);
    expect(found.error).toContain('1.00 points below that of its card');
    expect(found.out).toContain(boasting);
  }, following));

test('a tenth of a point is ten of 10,000 images, and eleven are more', () => {
  for (let right = 11; right < 10_000; right += 7) {
    expect(isAsStated(right / 10_000, (right - 10) / 10_000, 10_000), `${right}`).toBe(true);
    expect(isAsStated((right - 11) / 10_000, right / 10_000, 10_000), `${right}`).toBe(false);
  }
});

test('a stored version is measured on all test images', () =>
  withEndpoint(async ({ promote, store }) => {
    const id = await promote();
    const stored = json(await evaluate(id, '--store', store.url, '--json'));
    expect(stored).toMatchObject({ version: id, images: 10_000, top: { k: 5 }, golden: { tolerance: 1e-5 } });
    expect(stored.golden!.difference).toBeLessThan(1e-5);
    expect(stored.tta).toBeGreaterThan(0);
    expect(Object.keys(stored.perClass)).toEqual(stored.classes);
    expect(stored.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(10_000);
    expect(stored.mistakes).toHaveLength(24);
    expect(Object.keys(stored.byClass)).toEqual(stored.classes);
    const recalls = Object.values(stored.byClass).map(({ recall }) => recall);
    expect(stored.macro.recall).toBeCloseTo(recalls.reduce((sum, recall) => sum + recall, 0) / 10, 12);
    expect(stored.weighted.recall).toBeCloseTo(stored.plain, 12);
    expect(stored.auc!.macro).toBeGreaterThan(0);
  }));

test("labelled pictures of a person's own measure a version and an endpoint, whatever part of the classes they have", () =>
  withEndpoint(async ({ url, promote, store }) => {
    const id = await promote();
    const { folder, remove } = await temporaryFolder();
    const photos = join(folder, 'photos');
    const pictures = (name: string, first: number) =>
      Object.fromEntries([0, 1, 2].map((number) => [`${name}/${number}.png`, png(first + number)]));
    await writeFiles(photos, {
      ...{ ...pictures('truck', 10), ...pictures('cat', 20), ...pictures('bird', 30) },
      ...{ 'cat/broken.png': 'no picture', 'cat/notes.txt': 'text' },
    });
    await writeFiles(join(folder, 'one'), pictures('cat', 20));
    await writeFiles(join(folder, 'strange'), { ...pictures('zebra', 1), ...pictures('cat', 20) });
    await writeFile(
      join(photos, 'labels.csv'),
      'path,label,split\ntruck/0.png,truck,train\ncat/0.png,cat,test\nbird/0.png,bird,test\n',
    );
    const cache = { XDG_CACHE_HOME: join(folder, 'cache') };
    const here = ['--store', store.url, '--json'];
    try {
      const [stored, served, table, one, strange, both, absent] = await Promise.all([
        evaluateWith(cache, id, photos, ...here),
        evaluateWith(cache, photos, '--endpoint', url, '--json'),
        evaluateWith(cache, id, join(photos, 'labels.csv'), '--tta', 'none', ...here),
        evaluateWith(cache, id, join(folder, 'one'), '--tta', 'selective', '--store', store.url),
        evaluateWith(cache, id, join(folder, 'strange'), ...here),
        evaluateWith(cache, id, photos, '--data', 'cifar10', ...here),
        evaluateWith(cache, 'no/such/folder', '--json'),
      ]);
      const { classes, confusion } = json(stored);
      expect(json(stored)).toMatchObject({ version: id, images: 9, data: 'photos' });
      expect(json(stored).runtime).toBe('WebAssembly, 1 thread (for few pictures it answers sooner)');
      const counts = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
      expect(classes.filter((_, label) => counts[label] === 3)).toEqual(['bird', 'cat', 'truck']);
      expect(stored.error).toContain('1 of 10 pictures are left out: cat/broken.png');
      expect(json(served)).toMatchObject({ images: 9, confusion, plain: json(stored).plain });
      expect(json(table)).toMatchObject({ images: 2 });
      expect(json(table).tta).toBeUndefined();
      expect(table.error).toContain('has a test split');
      expect(one).toMatchObject({ code: 0, out: expect.stringMatching(/on 3 test images/) });
      expect(one.out).toMatch(/^ {2}plain .*\n {2}with selective TTA +\d+\.\d\d %$/m);
      expect(one.out).toMatch(/truck +no images/);
      expect(strange).toMatchObject({ code: 1, error: expect.stringContaining('has the class zebra, and the model') });
      expect(both).toMatchObject({ code: 2, error: expect.stringContaining('Give one of them.') });
      expect(absent).toMatchObject({ code: 2, error: expect.stringContaining('no/such/folder') });
    } finally {
      await remove();
    }
  }));

test('says what is wrong before it asks for long', async () => {
  const [nobody, noAddress, noEndpoint, noImages, noViews] = await Promise.all([
    evaluate('--endpoint', 'http://127.0.0.1:9'),
    evaluate('--endpoint', 'localhost:8080'),
    evaluate('--images', '10'),
    evaluate('--endpoint', 'http://127.0.0.1:9', '--images', 'ten'),
    evaluate('--endpoint', 'http://127.0.0.1:9', '--tta', 'none'),
  ]);
  expect(nobody).toMatchObject({ code: 1, out: '' });
  expect(nobody.error).toContain('No endpoint answers at http://127.0.0.1:9.');
  expect([noAddress.code, noEndpoint.code, noImages.code, noViews.code]).toEqual([2, 2, 2, 2]);
  expect(noViews.error).toContain('--tta is about a stored version');
  expect(noEndpoint.error).toContain(
    `No endpoint is up on LocalStack: answering from ${shownPath(join(home, 'store'))}.`,
  );
  expect(noEndpoint.error).toContain('--endpoint or --target');

  await withEndpoint(async ({ url }) => {
    const nothing = await evaluate('--endpoint', url);
    expect(nothing).toMatchObject({ code: 1, out: '' });
    expect(nothing.error).toContain('models promote');
  });

  await withEndpoint(async ({ url, promote }) => {
    const { classes } = JSON.parse(Buffer.from((await exampleModel()).get('card.json')!).toString()) as Card;
    await promote({ card: { classes: classes.toReversed() } });
    const other = await evaluate('--endpoint', url);
    expect(other.code).toBe(1);
    expect(other.error).toContain('The model knows truck, ship,');
  });
});

/** Every request looks at the alias. */
const following = { following: { times: { refreshAfter: 0, staleAfter: 0 } } };

type Refusal = number | 'cut off';

/** A gateway that wants a key, and lets the first nine requests fail in three ways. */
async function behindABusyGateway(
  endpoint: string,
  work: (url: string, refused: () => Set<Refusal>) => Promise<void>,
): Promise<void> {
  const refused = new Set<Refusal>();
  let posts = 0;
  const gateway = createServer((incoming, outgoing) => {
    const { method, headers, url = '/' } = incoming;
    const refuse = (status: number, more: Record<string, string> = {}) => {
      refused.add(status);
      incoming.resume();
      outgoing.writeHead(status, { 'content-type': 'application/problem+json', ...more });
      outgoing.end(JSON.stringify({ message: 'Too Many Requests' }));
    };
    if (method === 'POST') {
      if (headers['x-api-key'] !== 'k') return refuse(403);
      const turn = posts++;
      if (turn < 9 && turn % 3 === 0) return refuse(429, { 'retry-after': '0' });
      if (turn < 9 && turn % 3 === 1) return refuse(503);
      if (turn < 9) {
        refused.add('cut off');
        return void incoming.destroy();
      }
    }
    const passed = request(endpoint + url, { method: method!, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  try {
    await work(`http://127.0.0.1:${(gateway.address() as AddressInfo).port}`, () => refused);
  } finally {
    gateway.closeAllConnections();
    await new Promise((resolve) => gateway.close(resolve));
  }
}
