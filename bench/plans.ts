import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { anyScenario, type Survived, survive } from '#jobs/interrupted-plan.fixture.ts';
import { newAttempt } from '#models/plans/attempts.ts';
import { createPlan, makePlan, readPlan } from '#models/plans/plan.ts';
import { missingShards, planProgress } from '#models/plans/shards.ts';
import { folderStore } from '#models/stores/folder-store.ts';

export interface PlansOptions {
  /** Scenarios of killed processes. */
  readonly runs: number;
  /** Of the plan whose listings are measured. */
  readonly shards: number;
}

/** Kills processes at random moments, and counts what became of their shards; then measures what a large plan costs. */
export async function benchmarkPlans({ runs, shards }: PlansOptions): Promise<void> {
  console.log(`Random kills, ${runs} scenarios:`, await killAtRandom(runs));
  const folder = await mkdtemp(join(tmpdir(), 'large-plan-'));
  try {
    await measureLargePlan(folder, shards);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function killAtRandom(numRuns: number): Promise<Survived> {
  const names = [
    'processes',
    'kills',
    'signals',
    'failures',
    'submissions',
    'late',
    'results',
    'doubles',
    'losses',
  ] as const;
  const sums = Object.fromEntries(names.map((name) => [name, 0])) as Record<(typeof names)[number], number>;
  const property = fc.asyncProperty(anyScenario, fc.scheduler(), async (scenario, scheduler) => {
    const seen = await survive(scenario, scheduler);
    for (const name of names) sums[name] += seen[name];
    return seen.doubles === 0 && seen.losses === 0 && seen.results === scenario.shards;
  });
  await fc.assert(property, { numRuns });
  return sums;
}

/** Half of the shards have a result, and a quarter were begun. */
async function measureLargePlan(folder: string, shards: number): Promise<void> {
  const store = folderStore(folder);
  const items = Array.from({ length: shards }, (_, seed) => ({
    ...{ name: `learningRate=0.2 seed=${seed}`, recipe: 'quick', set: ['learningRate=0.2', 'epochs=8'], seed },
    ...{ data: 'cifar10', group: 'learningRate=0.2 epochs=8' },
  }));
  const plan = await timed('makePlan', () => makePlan({ kind: 'sweep', code: '0'.repeat(64), options: {}, items }));
  const { id } = await timed('createPlan', () => createPlan(store, plan));
  await timed('readPlan', () => readPlan(store, id));
  const place = (path: string) => join(folder, 'plans', id, path);
  await mkdir(place('results'), { recursive: true });
  for (const [index, { shard }] of plan.items.entries()) {
    if (index % 4 === 3) continue;
    if (index % 2 === 0) await writeFile(place(`results/${shard}.json`), '{}\n');
    await mkdir(place(`started/${shard}`), { recursive: true });
    await writeFile(place(`started/${shard}/${newAttempt({ submission: '0001', child: index })}.json`), '{}\n');
  }
  const missing = await timed('missingShards', () => missingShards(store, id, plan));
  const progress = await timed('planProgress', () => planProgress(store, id, plan));
  console.log(`${missing.length} are missing;`, progress);
  console.log(`largest memory: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
}

async function timed<Result>(name: string, work: () => Result | Promise<Result>): Promise<Result> {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  console.log(`${name.padEnd(14)} ${seconds} s, processor ${((user + system) / 1e6).toFixed(2)} s`);
  return result;
}
