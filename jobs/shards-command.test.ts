import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPlan, makePlan } from '#models/plans/plan.ts';
import { createSubmission } from '#models/plans/submissions.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { code } from './check-code.ts';
import { shardsCommand } from './shards-command.ts';

const root = join(import.meta.dirname, '..');
const items = [{ list: { key: 'gone.jsonl', sha256: '0'.repeat(64) }, objects: 1, bytes: 1 }];
const at = '2026-11-28T16:00:00.000Z';

describe('shards', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shards-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** A plan of one shard, submitted once. */
  async function planned(sources = code()): Promise<{ readonly id: string; readonly submission: string }> {
    const store = folderStore(folder);
    const plan = makePlan({ kind: 'classify', code: sources, options: {}, items });
    const { id } = await createPlan(store, plan);
    const shards = plan.items.map(({ shard }) => shard);
    const commit = `${'ab'.repeat(20)}-dirty`;
    const submitted = { at, by: 'me@here', commit, where: 'local-processes' as const, shards, children: 1 };
    return { id, submission: await createSubmission(store, id, submitted) };
  }

  const run = (plan: string, submission: string, ...words: string[]) =>
    shardsCommand().parseAsync(['--plan', plan, '--submission', submission, '--store', folder, ...words], {
      from: 'user',
    });

  it('refuses what it cannot do before it does anything, each with what is there instead', async () => {
    const { id, submission } = await planned();
    const refusals: [() => Promise<unknown>, string][] = [
      [() => run('0123456789ab', submission, '--child', '0'), 'has no plan "0123456789ab"'],
      [() => run('../etc', submission, '--child', '0'), 'has no plan "../etc"'],
      [() => run(id, '0002', '--child', '0'), `The plan ${id} has no submission "0002"; it has 0001.`],
      [() => run(id, 'x', '--child', '0'), 'no submission "x"'],
      [() => run(id, submission, '--child', '1'), 'There is no child 1: the submission has 1, 0 alone.'],
      [() => run(id, submission), 'AWS_BATCH_JOB_ARRAY_INDEX is not set. Give --child'],
    ];
    for (const [refused, message] of refusals) {
      await expect(refused()).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
    }
  });

  it('refuses a plan that was changed: its id is the digest of its content', async () => {
    const { id, submission } = await planned();
    const file = join(folder, 'plans', id, 'plan.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"objects":1', '"objects":2'));
    await expect(run(id, submission, '--child', '0')).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/plan.json is damaged.*delete it, and run the command that made the plan again/),
    });
  });

  it('refuses a plan of other code, with the command that fits', async () => {
    const { id, submission } = await planned('0'.repeat(64));
    await expect(run(id, submission, '--child', '0')).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(
        new RegExp(`made by other sources \\(00000000\\).*"git checkout (ab){20}".*"./cifar10 jobs ${id} --retry"`),
      ),
    });
  });

  it('begins soon: neither TensorFlow nor the serving engine is loaded before a shard needs it', async () => {
    const { metafile } = await build({
      ...{
        absWorkingDir: root,
        entryPoints: ['jobs/shards-command.ts'],
        outdir: 'unused',
        write: false,
        metafile: true,
      },
      ...{ bundle: true, splitting: true, packages: 'external', platform: 'node', format: 'esm' },
    });
    const loaded = new Set<string>();
    const load = (output: string) => {
      if (loaded.has(output)) return;
      loaded.add(output);
      for (const { path, kind, external } of metafile.outputs[output]!.imports) {
        if (external) expect(kind === 'dynamic-import' || /^(node:|commander$|zod)/.test(path), path).toBe(true);
        else if (kind === 'import-statement') load(path);
      }
    };
    load('unused/shards-command.js');
    const files = [...loaded].flatMap((output) => Object.keys(metafile.outputs[output]!.inputs));
    expect(files).toContain('jobs/run-shards.ts');
    expect(files.filter((file) => /^(inference|images|training\/(?!commands\/))/.test(file))).toEqual([]);
  });
});
