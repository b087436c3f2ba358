import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFailures } from '#models/plans/attempts.ts';
import { createPlan, makePlan } from '#models/plans/plan.ts';
import { createSubmission } from '#models/plans/submissions.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { hasTensorFlow } from '#training/engine/tensorflow.ts';
import { bundleTraining } from './bundle.mjs';
import { code } from './check-code.ts';

const root = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);

/** Trains until the checkpoint that follows the last step, and ends the process. @returns the tensors that it keeps */
async function checkpointOf(program: readonly string[], store: string, words: readonly string[]): Promise<Buffer> {
  const child = spawn(process.execPath, [...program, 'train', ...words, '--json', '--seed', '5', '--out', store], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  for await (const line of createInterface(child.stdout)) {
    if (JSON.parse(line).type === 'checkpoint') child.kill('SIGKILL');
  }
  const files = await readdir(store, { recursive: true }).catch(() => []);
  const [checkpoint] = files.filter((file) => file.endsWith('.safetensors'));
  expect(checkpoint, errors).toBeDefined();
  const file = await readFile(join(store, checkpoint!));
  // The header says how long the run took, too.
  return file.subarray(8 + Number(file.readBigUInt64LE()));
}

describe('bundleTraining', () => {
  let folder: string;
  let bundle: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cifar10-bundle-'));
    bundle = join(folder, 'program');
    await bundleTraining('cpu', bundle);
    // As in the image: the addon and its libraries, beside the package's name.
    const installed = dirname(require.resolve('@tensorflow/tfjs-node/package.json'));
    for (const name of ['lib', 'deps']) {
      await symlink(join(installed, name), join(bundle, 'node_modules/@tensorflow/tfjs-node', name));
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('trains to the same weights as the sources, bit for bit', async () => {
    expect(hasTensorFlow()).toBe(true);
    const few = ['batchSize=32', 'epochs=0.001', 'heldOut=100', 'batchPreparation=worker'];
    const words = ['minute', ...few.flatMap((setting) => ['--set', setting])];
    const [expected, found] = await Promise.all([
      checkpointOf(['--import', './setup/typescript.mjs', 'jobs/main.ts'], join(folder, 'by-sources'), words),
      checkpointOf([join(bundle, 'main.mjs')], join(folder, 'by-bundle'), words),
    ]);
    expect(expected.length).toBeGreaterThan(10_000);
    expect(found.equals(expected)).toBe(true);
  });

  it('leaves out what only the import of pictures needs', async () => {
    const files = (await readdir(bundle)).filter((file) => file.endsWith('.mjs'));
    const programs = await Promise.all(files.map((file) => readFile(join(bundle, file), 'utf8')));
    expect(programs.join('')).toContain('import("sharp")');
    expect(programs.join('')).not.toMatch(/libvips-cpp|@img\/sharp/);
    expect(await readdir(join(bundle, 'node_modules'))).toEqual(['@tensorflow']);
  });

  it.each([
    [
      'sweep',
      { keep: 'none', over: [] },
      { name: 'x', recipe: 'nothing', set: [], seed: 1, data: 'cifar10', group: '' },
      'no recipe "nothing"',
    ],
    [
      'classify',
      { pictures: 'photos', version: 'v', format: 'jsonl', strict: false },
      { list: { key: 'gone.jsonl', sha256: '0'.repeat(64) }, objects: 1, bytes: 1 },
      'gone.jsonl',
    ],
  ] as const)('does shards of a %s that was planned by the sources', async (kind, options, item, problem) => {
    const store = folderStore(join(folder, kind));
    const plan = makePlan({ kind, code: code(), options, items: [item] });
    const { id } = await createPlan(store, plan);
    const shards = plan.items.map(({ shard }) => shard);
    const at = new Date().toISOString();
    const words = { at, by: 'test', commit: null, where: 'local-processes' as const, shards, children: 1 };
    const submission = await createSubmission(store, id, words);
    const chosen = ['--plan', id, '--submission', submission, '--child', '0', '--store', store.url];
    const child = promisify(execFile)(process.execPath, [join(bundle, 'main.mjs'), 'shards', ...chosen]);
    await expect(child).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining('0 shards done') });
    expect((await readFailures(store, id, shards[0]!)).map(({ message }) => message)).toEqual([
      expect.stringContaining(problem),
    ]);
  });

  it('refuses bad arguments as the program does, and prints its help', async () => {
    const started = (...words: string[]) =>
      promisify(execFile)(process.execPath, [join(bundle, 'main.mjs'), ...words], { cwd: folder });
    await expect(started('train', 'nothing')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no recipe "nothing"'),
    });
    expect((await started('--help')).stdout).toContain('Usage: jobs');
  });
});
