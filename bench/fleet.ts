import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { storeClassifyPlan } from '#cli/fleet/classify-plan.fixture.ts';
import { followPlanJobs } from '#cli/fleet/follow-plan.ts';
import { runPlanHere } from '#cli/fleet/run-plan-here.ts';
import { type StoredPlan, submitPlan } from '#cli/fleet/submit-plan.ts';
import { deploy } from '#cli/stack/deploy.ts';
import { localTarget, type Target } from '#cli/stack/target.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import { mergeAnswers } from '#jobs/merge-answers.ts';
import { startLocalStack, stopLocalStack } from '#local/localstack.ts';
import { restoreModels } from '#local/mirror.ts';
import { listPlans } from '#models/plans/list-plans.ts';
import { planKey } from '#models/plans/plan.ts';
import { missingShards } from '#models/plans/shards.ts';
import { listSubmissions } from '#models/plans/submissions.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { random } from '#training/random/random.ts';
import { descendantsOf } from '../test/processes.ts';
import { writeResults } from './results.ts';

interface Options {
  /** Children of the plan's array, one shard each. */
  readonly children: number;
  /** Decides which children are killed. */
  readonly seed: number;
}

const PICTURES = 3;

/**
 * Classifies pictures by an array job on a LocalStack of its own, and kills a tenth of the children while they run, the submitter
 * while it submits, and LocalStack in the middle. Then compares every result with that of an undisturbed run in a process of this
 * machine.
 *
 * @throws {UsageError} there are fewer than 10 children
 * @throws {UserError} a result is lost, there twice, or another one
 */
export async function benchmarkFleet({ children, seed }: Options): Promise<void> {
  if (!Number.isInteger(children) || children < 10) {
    throw new UsageError(`--children must be a whole number of at least 10, not ${children}.`);
  }
  const root = await mkdtemp(path.join(tmpdir(), 'fleet-'));
  const [kept, pictures] = [path.join(root, 'store'), path.join(root, 'pictures')];
  const instances: string[] = [];
  await mkdir(pictures);
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const began = performance.now();
  try {
    const start = async () => {
      log('starts LocalStack and deploys the stack');
      const folder = path.join(root, `local-${instances.length + 1}`);
      instances.push(folder);
      const { endpoint, pid } = await startLocalStack({ folder, port: 'any', bound: true, store: kept });
      const target = localTarget(endpoint);
      await deploy(target).catch(() => deploy(target)); // A loaded machine may break a connection.
      await restoreModels(await target.store(), kept);
      return { endpoint, pid, target };
    };
    let cloud = await start();
    const stored = await storeClassifyPlan(await cloud.target.store(), children, {
      folder: pictures,
      pictures: PICTURES,
    });
    const store = folderStore(kept);
    const draw = random(seed);
    const kills = { children: 0, submitter: 0, localStack: 0 };

    log(`submits ${children} children, and kills the submitter while it does`);
    await killSubmitter(cloud.endpoint, store, stored);
    kills.submitter++;
    log(`what it has submitted: ${(await submitPlan(cloud.target, stored)).active} children; submits the others`);

    const half = Math.ceil(children / 20);
    const first = await killChildren(cloud, store, stored, { count: half, draw, log });
    kills.children += first.length;
    await until(async () => (await countResults(store, stored)) >= children / 2);
    const before = await resultDigests(store, stored);
    log(`kills LocalStack, after ${before.size} results`);
    process.kill(cloud.pid, 'SIGKILL');
    kills.localStack++;
    cloud = await start();
    await submitPlan(cloud.target, stored);
    const second = await killChildren(cloud, store, stored, { count: Math.ceil(children / 10) - half, draw, log });
    kills.children += second.length;

    let state = await followPlanJobs(cloud.target, stored.id, {
      onState: ({ done }) => log(`${done} of ${children} done`),
    });
    for (let again = 0; state.done < children && again < 3; again++) {
      log(`submits again what has no result: ${children - state.done}`);
      await submitPlan(cloud.target, stored);
      state = await followPlanJobs(cloud.target, stored.id);
    }
    const seconds = (performance.now() - began) / 1000;

    log('the same plan, undisturbed, in a process of this machine');
    const calm = folderStore(path.join(root, 'calm'));
    for (const name of ['models', planKey(stored.id, 'plan.json'), planKey(stored.id, 'lists')]) {
      await cp(path.join(kept, name), path.join(root, 'calm', name), { recursive: true });
    }
    await runPlanHere(calm, stored, { onNote: log });

    const figures = {
      ...{ children, kills },
      ...(await compare(store, calm, stored, before)),
      submissions: (await listSubmissions(store, stored.id)).length,
      attempts: await countKeys(store, planKey(stored.id, 'started/x').slice(0, -1)),
      seconds: Math.round(seconds),
    };
    const ending = await writeResults('fleet', `npm run bench -- fleet --children ${children} --seed ${seed}`, figures);
    process.stdout.write(
      `${[
        `${children} children; killed: ${kills.children} of them, the submitter, LocalStack; ${figures.submissions} submissions, ${figures.attempts} attempts`,
        `${figures.results} results; doubles ${figures.doubles}, losses ${figures.losses}, changed ${figures.changed}; ` +
          `${figures.equal} of ${children} shards equal the undisturbed run byte for byte, and so ${figures.isTableEqual ? 'does' : 'does not'} the merged table`,
        ...ending,
      ].join('\n')}\n`,
    );
    const isWrong =
      figures.doubles + figures.losses + figures.changed > 0 || figures.equal < children || !figures.isTableEqual;
    if (isWrong) throw new UserError('Results were lost, there twice, or other ones. The figures above say how many.');
  } finally {
    for (const folder of instances) await stopLocalStack(folder);
    await rm(root, { recursive: true, force: true });
  }
}

interface Cloud {
  readonly endpoint: string;
  readonly pid: number;
  readonly target: Target;
}

async function until(claim: () => Promise<boolean>): Promise<void> {
  while (!(await claim())) await sleep(50);
}

/** Kills it once its submission is stored, which is before its jobs are in Batch. */
async function killSubmitter(endpoint: string, store: ObjectStore, { id }: StoredPlan): Promise<void> {
  const program = fileURLToPath(new URL('../cli/fleet/submit-plan.fixture.ts', import.meta.url));
  const submitter = spawn(process.execPath, ['--import', './setup/typescript.mjs', program, endpoint, id], {
    stdio: 'inherit',
  });
  const exited = once(submitter, 'exit');
  await until(async () => (await listSubmissions(store, id)).length > 0);
  submitter.kill('SIGKILL');
  await exited;
}

/** Kills children that have begun their shard, each once. @returns their process ids */
async function killChildren(
  { pid }: Cloud,
  store: ObjectStore,
  stored: StoredPlan,
  {
    count,
    draw,
    log,
  }: { readonly count: number; readonly draw: ReturnType<typeof random>; readonly log: (line: string) => void },
): Promise<number[]> {
  const killed: number[] = [];
  while (killed.length < count && (await countResults(store, stored)) < stored.plan.items.length) {
    const running = (await descendantsOf(pid)).filter(({ command }) => command.includes(' shards --plan'));
    const victim = running.find((each) => !killed.includes(each.pid));
    // A child lives for seconds: at any moment of its life, and not each of them.
    await sleep(draw.integer(1500));
    if (victim === undefined || draw.integer(2) === 0) continue;
    try {
      process.kill(victim.pid, 'SIGKILL');
      killed.push(victim.pid);
    } catch {
      // It has ended by itself.
    }
  }
  log(`killed ${killed.length} children`);
  return killed;
}

async function countKeys(store: ObjectStore, prefix: string): Promise<number> {
  let count = 0;
  for await (const _ of store.list(prefix)) count++;
  return count;
}

async function countResults(store: ObjectStore, { id }: StoredPlan): Promise<number> {
  return await countKeys(store, planKey(id, 'results/x').slice(0, -1));
}

async function digestsOf(store: ObjectStore, prefix: string): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for await (const { key } of store.list(prefix)) {
    const { body } = (await store.get(key))!;
    digests.set(key, createHash('sha256').update(body).digest('hex'));
  }
  return digests;
}

async function resultDigests(store: ObjectStore, { id }: StoredPlan): Promise<Map<string, string>> {
  return await digestsOf(store, planKey(id, 'results/x').slice(0, -1));
}

/** What the disturbed run has come to, beside the calm one. */
async function compare(store: ObjectStore, calm: ObjectStore, stored: StoredPlan, before: ReadonlyMap<string, string>) {
  const { id, plan } = stored;
  if (plan.kind !== 'classify' || (await listPlans(store)).length !== 1) throw new Error('There is another plan.');
  const after = await resultDigests(store, stored);
  const changed = [...before].filter(([key, digest]) => after.get(key) !== digest).length;
  const missing = (await missingShards(store, id, plan)).length;
  const tables = [await mergeAnswers(store, id, plan), await mergeAnswers(calm, id, plan)];
  const [table, calmTable] = await Promise.all(
    [store, calm].map(async (each, at) => Buffer.from((await each.get(tables[at]?.key ?? 'none'))?.body ?? [])),
  );
  const files = (table ?? Buffer.of())
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { file: string }).file);
  const pictures = plan.items.reduce((sum, { objects }) => sum + objects, 0);
  const answers = [
    await digestsOf(store, `batches/${id}/answers/`),
    await digestsOf(calm, `batches/${id}/answers/`),
  ] as const;
  const equal = [...answers[1]].filter(([key, digest]) => answers[0].get(key) === digest).length;
  return {
    results: after.size,
    doubles: after.size - new Set(after.keys()).size + (files.length - new Set(files).size),
    losses: missing + (pictures - new Set(files).size),
    changed,
    equal,
    isTableEqual: table !== undefined && calmTable !== undefined && table.equals(calmTable),
  };
}
