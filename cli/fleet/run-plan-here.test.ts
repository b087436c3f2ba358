import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readFailures } from '#models/plans/attempts.ts';
import { listPlans } from '#models/plans/list-plans.ts';
import { createPlan, makePlan } from '#models/plans/plan.ts';
import { missingShards } from '#models/plans/shards.ts';
import { listSubmissions } from '#models/plans/submissions.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { descendantsOf, isAlive } from '../../test/processes.ts';
import { logFolder } from './child-process.ts';
import { storeClassifyPlan } from './classify-plan.fixture.ts';
import { childrenHere } from './local-capacity.ts';
import { sweepDraft } from './plan.fixture.ts';
import { runPlanOnTerminal } from './run-on-terminal.ts';
import { runPlanHere } from './run-plan-here.ts';
import type { StoredPlan } from './submit-plan.ts';

let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fleet-'));
  store = folderStore(folder);
});
afterEach(async () => {
  for (const id of await listPlans(store)) await rm(logFolder(id), { recursive: true });
  await rm(folder, { recursive: true });
});

async function until(claim: () => Promise<boolean>): Promise<void> {
  while (!(await claim())) await sleep(30);
}

async function etags(plan: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { key } of store.list(`plans/${plan}/results/`)) found.set(key, (await store.get(key))!.etag);
  return found;
}

/** The process of a child; it is one of this test's, or of the submitter's. */
async function childOf(parent: number): Promise<number> {
  let pid: number | undefined;
  await until(async () => {
    pid = (await descendantsOf(parent)).find(({ command }) => command.includes(' shards --plan'))?.pid;
    return pid !== undefined;
  });
  return pid!;
}

function submitter({ id }: StoredPlan): ChildProcess {
  const program = fileURLToPath(new URL('run-plan.fixture.ts', import.meta.url));
  return spawn(process.execPath, ['--import', './setup/typescript.mjs', program, folder, id], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('runPlanHere', () => {
  it('gives every shard one result, whichever processes are killed, and leaves none behind', async () => {
    const stored = await storeClassifyPlan(store, 24, { folder });
    const count = async () => (await etags(stored.id)).size;
    const left: number[] = [];

    // A child is killed, and starts again; then the process that has started it.
    const first = submitter(stored);
    let output = '';
    first.stdout!.on('data', (text) => {
      output += text;
    });
    left.push(await childOf(first.pid!));
    await until(async () => (await count()) > 0);
    process.kill(left[0]!, 'SIGKILL');
    await until(async () => output.includes('starts again'));
    const afterKill = await count();
    left.push(await childOf(first.pid!));
    await until(async () => (await count()) > afterKill);
    first.kill('SIGKILL');
    await once(first, 'exit');
    await until(async () => !left.some(isAlive));
    const early = await etags(stored.id);
    expect(early.size).toBeLessThan(24);

    // The next one is asked to end.
    const stop = new AbortController();
    const interrupted = runPlanHere(store, stored, { signal: stop.signal });
    const pid = await childOf(process.pid);
    await until(async () => (await count()) > early.size);
    stop.abort();
    const { left: missing, ...ran } = await interrupted;
    expect(ran).toEqual({
      ...{ submission: '0002', missing: 24 - early.size, children: 1, restarts: 0 },
      wasInterrupted: true,
    });
    expect(isAlive(pid)).toBe(false);
    expect(missing).toBe(24 - (await count()));

    expect(await runPlanHere(store, stored)).toMatchObject({ missing, left: 0, wasInterrupted: false });
    const results = await etags(stored.id);
    expect(results.size).toBe(24);
    for (const [key, etag] of early) expect(results.get(key), key).toBe(etag);
    expect(await missingShards(store, stored.id, stored.plan)).toEqual([]);
    expect(await runPlanHere(store, stored)).toMatchObject({ missing: 0, children: 0 });
    expect(await listSubmissions(store, stored.id)).toEqual(['0001', '0002', '0003']);
  });

  it('records the shard that a child was at when it was killed, and gives up a child that is killed again and again', async () => {
    const stored = await storeClassifyPlan(store, 1, { folder });
    const [{ shard } = { shard: '' }] = stored.plan.items;
    const notes: string[] = [];
    const ran = runPlanHere(store, stored, { onNote: (line) => notes.push(line) });
    let kills = 0;
    for await (const _ of starts(stored, shard)) {
      process.kill(await childOf(process.pid), 'SIGKILL');
      if (++kills === 3) break;
    }
    expect(await ran).toMatchObject({ missing: 1, left: 1, restarts: 2 });
    expect(notes.at(-1)).toMatch(
      /^Child 0 ended 3 times without a result: killed by SIGKILL\. Its output: .+0001-0\.log$/,
    );
    const failures = await readFailures(store, stored.id, shard);
    expect(failures.map(({ message }) => message)).toEqual(Array(3).fill('The process ended: killed by SIGKILL.'));
  });

  it('continues where the store does not tell how far the plan is', async () => {
    const stored = await storeClassifyPlan(store, 1, { folder });
    let looks = 0;
    const failing: ObjectStore = {
      ...store,
      list(prefix) {
        if (!prefix.includes('/started/')) return store.list(prefix);
        looks++;
        throw new Error('The store does not answer.');
      },
    };
    const output = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      expect(await runPlanOnTerminal(failing, stored, { retry: 'the same again' })).toBe(0);
    } finally {
      output.mockRestore();
    }
    expect(looks).toBeGreaterThan(0);
    expect((await etags(stored.id)).size).toBe(1);
  });

  it('says why the children refuse a plan', async () => {
    const plan = makePlan(sweepDraft(2));
    const { id } = await createPlan(store, plan);
    await expect(runPlanHere(store, { id, plan })).rejects.toThrow(`The plan ${id} was made by other sources`);
  });
});

/** Each time that an attempt of the shard begins. */
async function* starts({ id }: StoredPlan, shard: string): AsyncGenerator<void> {
  for (let seen = 0; ; seen++) {
    await until(async () => {
      let attempts = 0;
      for await (const _ of store.list(`plans/${id}/started/${shard}/`)) attempts++;
      return attempts > seen;
    });
    yield;
  }
}

it.each([
  ['sweep', { cores: 8, memory: 64e9 }, 4],
  ['sweep', { cores: 64, memory: 16e9 }, 5],
  ['sweep', { cores: 1, memory: 1e9 }, 1],
  ['classify', { cores: 64, memory: 64e9 }, 1],
] as const)('%s has on %o %d children', (kind, capacity, children) => {
  expect(childrenHere(kind, capacity)).toBe(children);
});
