import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { encode } from 'fast-png';
import { expect, test } from 'vitest';
import { shownPath } from '#environment/home.ts';
import { IMAGE_LIMITS } from '#images/decode-image.ts';
import { withEndpoint, withFolder } from '#inference/app.fixture.ts';
import { exampleModel, examplePixels } from '#inference/serving/example-model.fixture.ts';
import { moveAlias } from '#models/aliases.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion } from '#models/versions.ts';
import { localstackTestPython } from '#setup/localstack.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

const command = ['--import', './setup/typescript.mjs', 'cli/cifar10.ts'];
const environment = { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1' };

interface Printed {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

function classify(...args: string[]): Promise<Printed> {
  return classifyWith({}, ...args);
}

async function classifyWith(variables: NodeJS.ProcessEnv, ...args: string[]): Promise<Printed> {
  const child = spawn(process.execPath, [...command, 'classify', ...args], {
    cwd: root,
    env: { ...environment, ...variables },
  });
  child.stdin.on('error', () => {}).end(png(2));
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve))), out, error };
}

/** A store whose `candidate`, and `production` if wanted, is an example model. */
async function storeWithModel(folder: string, aliases: readonly string[]): Promise<string> {
  const store = folderStore(folder);
  const to = await publishVersion(store, await exampleModel());
  for (const alias of aliases) await moveAlias(store, alias, { to, by: 'a test', expected: undefined });
  return to;
}

const png = (seed: number) => encode({ width: 32, height: 32, channels: 3, data: examplePixels(seed) });

test('classifies files in their order, and says which cannot be', () =>
  withFolder((folder) =>
    withEndpoint(async ({ url, promote }) => {
      const version = await promote();
      const file = (name: string) => join(folder, name);
      await writeFile(file('a.png'), png(1));
      await writeFile(file('b.png'), 'no picture');
      const files = [file('a.png'), file('b.png'), file('missing.png'), '-'];

      const lines = await classify('--endpoint', `${url}/`, '--json', '--top-k', '2', ...files);
      expect(lines.code).toBe(1);
      const printed = lines.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(printed.map((each) => each.file)).toEqual(files);
      expect(printed[0]).toMatchObject({ model: { version }, input: { type: 'image/png' } });
      expect(printed[0].predictions).toHaveLength(2);
      expect(printed[1].error).toMatchObject({ code: 'unsupported-image', status: 415 });
      expect(printed[2].error.detail).toBe(`${file('missing.png')} does not exist.`);
      expect(printed[3].input.type).toBe('image/png');

      const table = await classify('--endpoint', url, file('a.png'), file('b.png'));
      expect(table.code).toBe(1);
      expect(table.out).toMatch(
        new RegExp(`^${file('a.png')} +${printed[0].label} +[\\d.]+ %  ${printed[0].predictions[1].label} `),
      );
      expect(table.error).toMatch(new RegExp(`^${file('b.png')} +✗ This is text`));

      // An address may be copied with its route.
      expect(await classify('--endpoint', `${url}/classify?top_k=3`, file('a.png'))).toMatchObject({
        code: 0,
        error: '',
      });

      const noVersion = await classify('--endpoint', url, '--version', 'candidate', file('a.png'), file('a.png'));
      expect(noVersion).toMatchObject({ code: 2, out: '' });
      expect(noVersion.error).toBe(`error ${url}: There is no version or alias "candidate".\n`);
    }),
  ));

test('classifies a folder without any endpoint, in natural order', () =>
  withFolder(async (folder) => {
    const store = join(folder, 'store');
    const version = await storeWithModel(store, ['candidate']);
    const photos = join(folder, 'my, photos');
    await mkdir(join(photos, 'sub'), { recursive: true });
    const write = (name: string, body: Uint8Array | string) => writeFile(join(photos, name), body);
    await Promise.all([
      ...['2.png', '10.png', 'no-ending', 'sub/2.png'].map((name) => write(name, png(1))),
      ...['.hidden.png', 'notes.txt'].map((name) => write(name, 'text')),
      write('cartoon.gif', 'GIF89a'),
      symlink('..', join(photos, 'sub/up')),
    ]);
    const expected = ['2.png', '10.png', 'cartoon.gif', 'no-ending', 'sub/2.png'].map((name) => join(photos, name));

    const [csv, lines, table] = await Promise.all([
      classify('--store', store, '--format', 'csv', '--top-k', '2', photos),
      classify('--store', store, '--format', 'jsonl', photos),
      classify('--store', store, join(photos, '2.png'), join(photos, 'sub')),
    ]);
    expect(csv).toMatchObject({ code: 1, error: expect.stringContaining('"candidate" answers') });
    expect(csv.error).toContain('1 other file is no pictures.');
    const rows = readCsv(csv.out);
    expect(rows.map(({ file }) => file)).toEqual(expected);
    expect(rows[0]).toMatchObject({
      version,
      error: '',
      uncertain: expect.stringMatching(/^(true|false)$/),
      unfamiliar: '',
    });
    expect(Number(rows[0]!.score)).toBeGreaterThan(Number(rows[0]!.score_2));
    expect(rows[2]).toMatchObject({ label: '', error: expect.stringContaining('This is a GIF image') });

    const answers = lines.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers.map(({ file }) => file)).toEqual(expected);
    expect(answers.map(({ label = '' }) => label)).toEqual(rows.map(({ label }) => label));

    expect(table.code).toBe(0);
    const names = table.out
      .trim()
      .split('\n')
      .map((line) => line.split(/\s{2,}/)[0]);
    expect(names).toEqual([expected[0], expected.at(-1)]);
  }));

test('a large folder is classified in threads: broken pictures are rows, copies are sorted, and the run resumes', () =>
  withFolder(async (folder) => {
    const store = join(folder, 'store');
    await storeWithModel(store, ['production']);
    const photos = join(folder, 'photos');
    await mkdir(join(photos, 'more'), { recursive: true });
    const odd = ['a, "b".png', 'line\nend.png', '=1+1.png', 'ä 🐈.png'];
    const plain = Array.from({ length: 96 }, (_, index) => (index % 2 ? `${index}.png` : `more/${index}.png`));
    await Promise.all([
      ...[...plain, ...odd].map((name, index) => writeFile(join(photos, name), png(index % 5))),
      writeFile(join(photos, 'broken.png'), png(1).subarray(0, 60)),
      writeFile(join(photos, 'empty.png'), ''),
      symlink('nowhere.png', join(photos, 'vanished.png')),
    ]);
    await writeFile(join(photos, 'huge.png'), '');
    await truncate(join(photos, 'huge.png'), 200_000_000);
    const failing = ['broken.png', 'empty.png', 'huge.png', 'vanished.png'];

    const sorted = join(folder, 'sorted');
    const out = join(folder, 'answers.csv');
    const run = await classify('--store', store, '--out', out, '--sort-into', sorted, photos);
    expect(run).toMatchObject({ code: 1, out: '' });
    expect(run.error).toMatch(
      /^104 pictures, [\d,]+ a second, by \S+ on WebAssembly, \d+ threads? \(for few pictures .*\); 4 could not/,
    );
    const csv = await readFile(out, 'utf8');
    const rows = readCsv(csv);
    expect(rows.map(({ file }) => file!.slice(photos.length + 1)).toSorted()).toEqual(
      [...plain, ...odd, ...failing].toSorted(),
    );
    for (const { file, label, error } of rows) {
      const isFailing = failing.some((name) => file!.endsWith(name));
      expect([file, label === '', error !== '']).toEqual([file, isFailing, isFailing]);
      if (isFailing) continue;
      const copy = await readFile(join(sorted, label!, file!.slice(photos.length + 1)));
      expect(Buffer.compare(copy, await readFile(file!))).toBe(0);
    }

    // Here, as an endpoint answers one picture after the other.
    const few = plain.slice(0, 3).map((name) => join(photos, name));
    const [alone, again, inside] = await Promise.all([
      classify('--store', store, '--format', 'csv', ...few),
      classify('--store', store, '--out', out, photos),
      classify('--store', store, '--sort-into', join(photos, 'sorted'), photos),
    ]);
    expect(readCsv(alone.out)).toEqual(few.map((file) => rows.find((row) => row.file === file)));
    expect(again).toMatchObject({ code: 2, error: expect.stringContaining('is there already') });
    expect(inside).toMatchObject({ code: 2, error: expect.stringContaining('Give a folder outside it.') });
  }));

test('Ctrl-C keeps the rows that are there, and the same command resumes from them', () =>
  withFolder((folder) =>
    withEndpoint(async ({ url, promote }) => {
      await promote();
      const files = Array.from({ length: 12 }, (_, index) => join(folder, `${index}.png`));
      await Promise.all(files.map((file, index) => writeFile(file, png(index))));
      const out = join(folder, 'answers.jsonl');
      await behindASlowGateway(url, 6, async (gateway, isStuck) => {
        const args = ['classify', '--endpoint', gateway, '--out', out, ...files];
        const child = spawn(process.execPath, [...command, ...args], { cwd: root, env: environment, stdio: 'ignore' });
        await isStuck;
        child.kill('SIGINT');
        expect((await once(child, 'exit'))[0]).toBe(130);
      });
      const part = await readFile(`${out}.part`, 'utf8');
      expect(part.split('\n').length).toBeGreaterThan(2);

      const whole = join(folder, 'whole.jsonl');
      const begun = JSON.parse(await readFile(`${out}.part.json`, 'utf8'));
      const rest = await classify('--endpoint', url, '--out', out, ...files);
      expect(rest).toMatchObject({ code: 0, error: expect.stringMatching(/ before, by http/) });
      await classify('--endpoint', url, '--out', whole, ...files);
      const read = async (file: string) =>
        (await readFile(file, 'utf8'))
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
      const stripped = (rows: { timing_ms: unknown; request_id: unknown }[]) =>
        rows.map(({ timing_ms: _, request_id: __, ...row }) => row);
      expect((await readFile(out, 'utf8')).startsWith(part.slice(0, part.lastIndexOf('\n')))).toBe(true);
      expect(stripped(await read(out))).toEqual(stripped(await read(whole)));
      expect(begun).toMatchObject({ '--format': 'jsonl', '--strict': 'not given' });
    }),
  ));

/** A gateway that passes so many pictures on, and answers no more. */
async function behindASlowGateway(
  endpoint: string,
  most: number,
  work: (url: string, isStuck: Promise<void>) => Promise<void>,
): Promise<void> {
  let passed = 0;
  let stuck = () => {};
  const isStuck = new Promise<void>((resolve) => {
    stuck = resolve;
  });
  const gateway = createServer((incoming, outgoing) => {
    if (incoming.method === 'POST' && passed++ >= most) return passed > most + 2 ? stuck() : undefined;
    const { method, headers, url } = incoming;
    const sent = request(endpoint + url!, { method: method!, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    return incoming.pipe(sent);
  });
  gateway.listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  try {
    await work(`http://127.0.0.1:${(gateway.address() as AddressInfo).port}`, isStuck);
  } finally {
    gateway.closeAllConnections();
    gateway.close();
  }
}

/** As Python's standard library reads it. */
function readCsv(csv: string): Record<string, string>[] {
  const program = 'import csv, json, sys; print(json.dumps(list(csv.DictReader(sys.stdin, strict=True))))';
  return JSON.parse(execFileSync(localstackTestPython()!, ['-c', program], { input: csv }).toString());
}

test("without any option this clone's store answers, and an error names a running server", () =>
  withFolder(async (folder) => {
    const home = { CIFAR10_HOME: join(folder, 'home') };
    const shownStore = shownPath(join(folder, 'home/store'));
    const picture = join(folder, 'a.png');
    await writeFile(picture, png(1));
    await storeWithModel(join(folder, 'served'), ['production']);
    const server = spawn(
      process.execPath,
      [...command, 'serve', '--store', join(folder, 'served'), '--port', '0', '--host', '[::1]'],
      { cwd: root, env: { ...environment, ...home }, stdio: ['ignore', 'pipe', 'ignore'] },
    );
    try {
      const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
      const [url] = /http:\S+/.exec((await lines.next()).value) ?? [];
      await lines.next(); // The model is loaded.
      const [empty, noCloud] = await Promise.all([
        classifyWith(home, picture),
        classifyWith(home, '--target', 'local', picture),
      ]);
      expect(empty).toMatchObject({ code: 1, out: '' });
      expect(empty.error).toContain(`No endpoint is up on LocalStack: answering from ${shownStore}.`);
      for (const { error } of [empty, noCloud]) expect(error).toContain(`--endpoint ${url} asks it.`);
      expect(await classifyWith(home, '--endpoint', url!, picture)).toMatchObject({ code: 0 });
    } finally {
      server.kill('SIGTERM');
      await once(server, 'exit');
    }
    await storeWithModel(join(folder, 'home/store'), ['production']);
    const answered = await classifyWith(home, picture);
    expect(answered).toMatchObject({ code: 0, out: expect.stringContaining(picture) });
    expect(answered.error).toBe(`No endpoint is up on LocalStack: answering from ${shownStore}.\n`);
  }));

test('files are checked before anything is asked', () =>
  withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    await Promise.all([
      writeFile(at('cat.png'), png(1)),
      symlink('loop.png', at('loop.png')),
      mkdir(at('empty')),
      writeFile(at('large.jpg'), new Uint8Array(IMAGE_LIMITS.bytes + 1)),
    ]);
    const nowhere = ['--endpoint', 'http://127.0.0.1:9'];
    const absent = [at('missing.png'), `${at('cat.png')}/`, at('loop.png'), at(`${'n'.repeat(300)}.png`), at('empty')];
    const [missing, large, contradiction] = await Promise.all([
      classify(...nowhere, '--json', ...absent),
      classify(...nowhere, at('large.jpg'), '/dev/zero'),
      classify('--store', folder, '--endpoint', 'http://127.0.0.1:9', at('cat.png')),
    ]);
    expect(missing).toMatchObject({ code: 2, error: '' });
    const details = missing.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).error.detail);
    const reasons = [
      'does not exist',
      'is a file',
      'links lead in a circle',
      'the name is too long',
      'has no pictures',
    ];
    expect(details).toEqual(reasons.map((reason) => expect.stringContaining(reason)));

    expect(large).toMatchObject({ code: 1, out: '' });
    const limit = `${(IMAGE_LIMITS.bytes / 1e6).toFixed(1)} MB`;
    expect(large.error).toContain(
      `an endpoint takes pictures of at most ${limit}. Save it as a JPEG, or scale it down`,
    );
    expect(large.error).toContain('/dev/zero');
    expect(contradiction).toMatchObject({ code: 2, error: expect.stringContaining('--store answers in this process') });
  }));

test('says when nothing answers, or it is asked wrongly', async () => {
  const [nobody, noAddress, badKey, noHost, nothing] = await Promise.all([
    classify('--endpoint', 'http://127.0.0.1:9', '-'),
    classify('--endpoint', 'localhost:8080', '-'),
    classify('--endpoint', 'http://127.0.0.1:9', '--api-key', 'schlüssel', '-'),
    classify('--endpoint', 'http://no-such-host.invalid', '-'),
    classify('--endpoint', 'http://127.0.0.1:9', '--top-k', '0', '-'),
  ]);
  expect(nobody).toMatchObject({ code: 1, out: '' });
  expect(nobody.error).toContain('No endpoint answers at http://127.0.0.1:9.');
  expect(noAddress.code).toBe(2);
  expect(badKey).toMatchObject({ code: 2, error: expect.stringContaining('The API key contains "ü"') });
  expect(noHost.code).toBe(1);
  expect(noHost.error).toMatch(/no-such-host\.invalid (is not the name of a host|could not be looked up)/);
  expect(nothing.code).toBe(2);
});
