import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createPlan, makePlan, type Plan, planId } from '#models/plans/plan.ts';
import { readResults } from '#models/plans/results.ts';
import { missingShards, planProgress } from '#models/plans/shards.ts';
import { createSubmission, readSubmission, shardsOfChild } from '#models/plans/submissions.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { Killed } from '#models/stores/interrupted-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { anyEnd, type End, scheduledStore } from '#models/stores/scheduled-store.fixture.ts';
import { type RunShardsOptions, runShards } from './run-shards.ts';
import type { RunShard } from './shard-context.ts';

/** A process that does a child's shards. */
interface ChildProcess {
  /** Which child, modulo the number of children. */
  readonly child: number;
  readonly end: End | undefined;
  /** For each shard in turn, whether its work fails. */
  readonly fails: readonly boolean[];
}

/** A process that submits what is missing, and the processes that do it, several for a child: retries, and doubles. */
interface Submitter {
  /** At most so many children. */
  readonly cap: number;
  readonly end: End | undefined;
  readonly processes: readonly ChildProcess[];
}

/** All that happens to a plan. Submitters work at the same time, and so do the processes of a submission. */
export interface Scenario {
  readonly shards: number;
  readonly submitters: readonly Submitter[];
}

const childProcess = fc.record({ child: fc.nat(4), end: anyEnd, fails: fc.array(fc.boolean(), { maxLength: 4 }) });

export const anyScenario: fc.Arbitrary<Scenario> = fc.record({
  shards: fc.integer({ min: 1, max: 5 }),
  submitters: fc.array(
    fc.record({
      cap: fc.integer({ min: 1, max: 6 }),
      end: anyEnd,
      processes: fc.array(childProcess, { maxLength: 5 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

/** What was seen of a scenario. */
export interface Survived {
  readonly processes: number;
  readonly kills: number;
  readonly signals: number;
  readonly failures: number;
  readonly submissions: number;
  /** Writes of a result that another one had preceded. */
  readonly late: number;
  readonly results: number;
  /** Results that were stored twice, or changed. */
  readonly doubles: number;
  /** Shards without a result in the end. */
  readonly losses: number;
}

/**
 * Lets a scenario happen in a folder, one operation of the store after the other in the order that the scheduler says; then
 * somebody submits the plan again, and nothing disturbs it.
 *
 * @throws {Error} something that must not be was seen
 */
export async function survive(scenario: Scenario, scheduler: fc.Scheduler): Promise<Survived> {
  const folder = await mkdtemp(join(tmpdir(), 'plan-'));
  try {
    return await surviveIn(watched(folderStore(folder)), scenario, scheduler);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function surviveIn(seen: Watched, { shards, submitters }: Scenario, scheduler: fc.Scheduler): Promise<Survived> {
  const counts = { processes: 0, kills: 0, signals: 0, failures: 0, submissions: 0 };
  const plan = planOf(shards);
  const id = planId(plan);

  /** Lives as a process does: until its work is done, or its end. */
  const live = async (
    ending: End | undefined,
    work: (store: ObjectStore, signal: AbortSignal) => Promise<unknown>,
  ): Promise<boolean> => {
    counts.processes++;
    const { store, signal } = scheduledStore(seen.store, scheduler, { ending });
    try {
      await work(store, signal);
      return true;
    } catch (error) {
      if (error instanceof Killed) counts.kills++;
      else if (signal.aborted && error === signal.reason) counts.signals++;
      else throw error;
      return false;
    }
  };

  const runChild = ({ child, end: ending, fails }: ChildProcess, submission: string) =>
    live(ending, async (store, signal) => {
      const known = await readSubmission(store, id, submission);
      const turn = fails.values();
      const runShard: RunShard = async ({ item, attempt }) => {
        await store.put(`work/${item.shard}`, Buffer.from(attempt));
        signal.throwIfAborted();
        if (turn.next().value === true) throw new Error('It fails now and then.');
        return { attempt };
      };
      const mine = child % known.children;
      const options: RunShardsOptions = {
        ...{ store, planId: id, plan, shards: shardsOfChild(known, mine), worker: { submission, child: mine } },
        ...{ runShard, signal, log: () => {} },
      };
      counts.failures += (await runShards(options)).failed;
    });

  /** @returns the submission; undefined if nothing was missing, or the submitter was killed before */
  const submit = async ({ cap, end: ending }: Pick<Submitter, 'cap' | 'end'>): Promise<string | undefined> => {
    let submission: string | undefined;
    await live(ending, async (store, signal) => {
      await createPlan(store, plan);
      const missing = await missingShards(store, id, plan);
      signal.throwIfAborted();
      if (missing.length === 0) return;
      submission = await createSubmission(store, id, {
        ...{ at: new Date().toISOString(), by: 'test', commit: null, where: 'batch', shards: missing },
        children: Math.min(missing.length, cap),
      });
      counts.submissions++;
    });
    return submission;
  };

  const storm = Promise.all(
    submitters.map(async (submitter) => {
      const submission = await submit(submitter);
      if (submission === undefined) return;
      await Promise.all(submitter.processes.map((process) => runChild(process, submission)));
    }),
  );
  await scheduler.waitFor(storm);
  const before = await planProgress(seen.store, id, plan);

  const calm = async () => {
    const submission = await submit({ cap: 2, end: undefined });
    const children = submission === undefined ? 0 : (await readSubmission(seen.store, id, submission)).children;
    for (let child = 0; child < children; child++) {
      await runChild({ child, end: undefined, fails: [] }, submission!);
    }
  };
  await scheduler.waitFor(calm());

  const progress = await planProgress(seen.store, id, plan);
  const stored = new Set<string>();
  for await (const { shard, result } of readResults(
    seen.store,
    id,
    plan.items.map((item) => item.shard),
  )) {
    if (stored.has(shard)) throw new Error(`${shard} is read twice.`);
    stored.add(shard);
    const { attempt } = result.result as { readonly attempt: string };
    if (attempt !== result.attempt) throw new Error(`${shard} has the result of another attempt.`);
  }
  if (before.total !== before.done + before.running + before.failed + before.waiting) throw new Error('Miscounted.');
  if (progress.done !== stored.size) throw new Error(`${progress.done} are done, and ${stored.size} have a result.`);
  if ((await missingShards(seen.store, id, plan)).length !== shards - stored.size)
    throw new Error('Others are missing.');
  return {
    ...counts,
    late: seen.late(),
    results: stored.size,
    doubles: await seen.doubles(),
    losses: shards - stored.size,
  };
}

function planOf(shards: number): Plan {
  const items = Array.from({ length: shards }, (_, seed) => ({
    ...{ name: `seed=${seed}`, recipe: 'tiny', set: [], seed, data: 'cifar10', group: '' },
  }));
  return makePlan({ kind: 'sweep', code: '0'.repeat(64), options: {}, items });
}

interface Watched {
  readonly store: ObjectStore;
  readonly late: () => number;
  readonly doubles: () => Promise<number>;
}

/** Sees each result that is stored, and whether it stays. */
function watched(store: ObjectStore): Watched {
  const results = new Map<string, string[]>();
  let late = 0;
  return {
    store: {
      ...store,
      put: async (key, body, options) => {
        if (!key.includes('/results/')) return store.put(key, body, options);
        try {
          const etag = await store.put(key, body, options);
          results.set(key, [...(results.get(key) ?? []), etag]);
          return etag;
        } catch (error) {
          late++;
          throw error;
        }
      },
    },
    late: () => late,
    doubles: async () => {
      let doubles = 0;
      for (const [key, [first, ...others]] of results) {
        if (others.length > 0 || (await store.get(key))?.etag !== first) doubles++;
      }
      return doubles;
    },
  };
}
