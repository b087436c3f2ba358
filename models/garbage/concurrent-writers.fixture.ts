import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { AliasMoved, listAliases, moveAlias, readAlias, rememberedBy, rollback } from '../aliases.ts';
import type { Card } from '../card.ts';
import { cifar10Data } from '../data-identity.ts';
import { exampleVersion } from '../example-version.ts';
import { encodeJson } from '../json.ts';
import { newAttempt } from '../plans/attempts.ts';
import { listPlans } from '../plans/list-plans.ts';
import { createPlan, makePlan, type Plan, planId, readPlan, versionsOf } from '../plans/plan.ts';
import { writeResult as writeShardResult } from '../plans/results.ts';
import { missingShards } from '../plans/shards.ts';
import { beginRun, readArguments, readResult, writeResult } from '../runs.ts';
import { folderStore } from '../stores/folder-store.ts';
import { Killed } from '../stores/interrupted-store.ts';
import type { ObjectStore } from '../stores/object-store.ts';
import { anyEnd, anyPause, type End, type Pause, scheduledStore } from '../stores/scheduled-store.fixture.ts';
import { createSubmission, parentIn, readSubmission } from '../submissions.ts';
import { listUses } from '../version-uses.ts';
import { hasVersion, listVersions, publishVersion, readCard, readVersion, UnknownVersion } from '../versions.ts';
import { deleteGarbage } from './delete-garbage.ts';
import { findGarbage } from './find-garbage.ts';

/** What a process does to the store. `version` counts the versions that were there at first. */
type Action =
  | { readonly does: 'collect' }
  | { readonly does: 'promote'; readonly alias: string; readonly version: number }
  | { readonly does: 'roll back'; readonly alias: string }
  | { readonly does: 'train'; readonly from: number; readonly isCandidate: boolean }
  | { readonly does: 'submit'; readonly from: number }
  | { readonly does: 'plan'; readonly from: number };

export interface Process {
  readonly action: Action;
  readonly end: End | undefined;
  readonly pause: Pause;
}

/** The parents of the first versions: a chain of three, one more child of its first, and one without relations. */
const FAMILY = [undefined, 0, 1, 0, undefined];

const version = fc.nat(FAMILY.length - 1);
const alias = fc.constantFrom('production', 'candidate', 'canary');
const anyAction: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ does: fc.constant('collect' as const) }),
  fc.record({ does: fc.constant('promote' as const), alias, version }),
  fc.record({ does: fc.constant('roll back' as const), alias }),
  fc.record({ does: fc.constant('train' as const), from: version, isCandidate: fc.boolean() }),
  fc.record({ does: fc.constant('submit' as const), from: version }),
  fc.record({ does: fc.constant('plan' as const), from: version }),
);

/** Processes that work at the same time, one that collects garbage among them. */
export const anyProcesses: fc.Arbitrary<readonly Process[]> = fc
  .tuple(
    fc.record({ action: fc.constant({ does: 'collect' as const }), end: fc.constant(undefined), pause: anyPause }),
    fc.array(fc.record({ action: anyAction, end: anyEnd, pause: anyPause }), { minLength: 1, maxLength: 4 }),
  )
  .map(([collector, others]) => [collector, ...others]);

/** What was seen of the processes. */
export interface Survived {
  /** References to a version that was gone, at the moment that it went or in the end. */
  readonly dangling: readonly string[];
  /** Versions that nothing referred to in the end, and that were not collected. */
  readonly forgotten: readonly string[];
  readonly deleted: number;
  /** Processes that found that their version was deleted before they referred to it. */
  readonly late: number;
}

/** Writes the first versions. @returns their ids */
export async function writeFamily(folder: string): Promise<string[]> {
  const store = folderStore(folder);
  const ids: string[] = [];
  for (const [index, parent] of FAMILY.entries()) {
    ids.push(await publishVersion(store, versionOf(`run-${index}`, parent === undefined ? undefined : ids[parent])));
  }
  await moveAlias(store, 'production', { to: ids[4]!, by: 'test', expected: undefined });
  return ids;
}

/** Lets the processes work on a copy of a family, one operation of the store after the other in the order that the scheduler says. */
export async function surviveTogether(
  family: { readonly folder: string; readonly ids: readonly string[] },
  processes: readonly Process[],
  scheduler: fc.Scheduler,
): Promise<Survived> {
  const folder = await mkdtemp(join(tmpdir(), 'garbage-'));
  try {
    await cp(family.folder, folder, { recursive: true });
    return await surviveIn(folderStore(folder), family.ids, processes, scheduler);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function surviveIn(
  real: ObjectStore,
  ids: readonly string[],
  processes: readonly Process[],
  scheduler: fc.Scheduler,
): Promise<Survived> {
  const dangling: string[] = [];
  let [deleted, late] = [0, 0];
  const shared: ObjectStore = {
    ...real,
    async delete(key) {
      await real.delete(key);
      const gone = /^models\/(.*)\/manifest\.json$/.exec(key)?.[1];
      if (gone === undefined) return;
      deleted++;
      for (const [by, versions] of await referencesIn(real))
        if (versions.includes(gone)) dangling.push(`${by}: ${gone}`);
    },
  };
  const live = async ({ action, end, pause }: Process, index: number) => {
    const { store } = scheduledStore(shared, scheduler, { ending: end?.by === 'kill' ? end : undefined, pause });
    try {
      await act(store, action, ids, `${index}`);
    } catch (error) {
      if (error instanceof UnknownVersion) late++;
      else if (!(error instanceof Killed || error instanceof AliasMoved || isNothingBefore(error))) throw error;
    }
  };
  await scheduler.waitFor(Promise.all(processes.map(live)));

  await deleteGarbage(real, await findGarbage(real)); // In calm, it completes what was interrupted.
  const references = await referencesIn(real);
  const versions = await listVersions(real);
  for (const [by, named] of references) {
    for (const id of named) if (!(await isIntact(real, id))) dangling.push(`${by}: ${id}, in the end`);
  }
  const inUse = [...(await listUses(real))].flatMap(([id, { current }]) => (current.length > 0 ? [id] : []));
  const needed = new Set([
    ...inUse,
    ...references.filter(([by]) => !by.startsWith('child')).flatMap(([, named]) => named),
  ]);
  for (const id of needed) {
    if (await hasVersion(real, id)) for (const parent of await parentsOf(real, id)) needed.add(parent);
  }
  return { dangling, forgotten: versions.filter((id) => !needed.has(id)), deleted, late };
}

async function act(store: ObjectStore, action: Action, ids: readonly string[], name: string): Promise<void> {
  switch (action.does) {
    case 'collect':
      await deleteGarbage(store, await findGarbage(store));
      return;
    case 'promote':
      await moveAlias(store, action.alias, {
        ...{ to: ids[action.version]!, by: name },
        expected: await readAlias(store, action.alias),
      });
      return;
    case 'roll back':
      await rollback(store, action.alias, { by: name });
      return;
    case 'train':
      await train(store, { run: `run-of-${name}`, from: ids[action.from]!, isCandidate: action.isCandidate });
      return;
    case 'submit': {
      const command = ['train', 'quick', '--run', name, '--from', ids[action.from]!];
      await createSubmission(store, `submitted-${name}`, { at: new Date().toISOString(), by: name, command });
      return;
    }
    case 'plan':
      await sweep(store, { from: ids[action.from]!, seed: Number(name) });
  }
}

async function train(
  store: ObjectStore,
  { run, from, isCandidate }: { readonly run: string; readonly from: string; readonly isCandidate: boolean },
): Promise<void> {
  await readVersion(store, from);
  await beginRun(store, run, {
    ...{ recipe: 'quick', seed: 1, data: cifar10Data, settings: {} },
    parent: { version: from },
  });
  const version = await publishVersion(store, versionOf(run, from));
  if (isCandidate) {
    const expected = await readAlias(store, 'candidate');
    await moveAlias(store, 'candidate', { to: version, by: `run ${run}`, expected });
  }
  const accuracy = { plain: 0.8, tta: 0.8 };
  await writeResult(store, run, { at: new Date().toISOString(), version, accuracy, trainingSeconds: 1, steps: 1 });
}

async function sweep(
  store: ObjectStore,
  { from, seed }: { readonly from: string; readonly seed: number },
): Promise<void> {
  const plan: Plan = makePlan({
    ...{ kind: 'sweep', code: '0'.repeat(64), options: {} },
    items: [{ name: `seed=${seed}`, recipe: 'tiny', set: [], seed, data: 'cifar10', from, group: '' }],
  });
  await createPlan(store, plan);
  const [{ shard }] = plan.items as [Plan['items'][number]];
  const [id, attempt] = [planId(plan), newAttempt({ submission: '0001', child: 0 })];
  await train(store, { run: `${id}.${shard}`, from, isCandidate: false });
  await writeShardResult(store, id, shard, { at: new Date().toISOString(), attempt, seconds: 1, result: {} });
}

/** All that the store says of versions, found without what collects garbage. */
async function referencesIn(store: ObjectStore): Promise<(readonly [by: string, versions: readonly string[]])[]> {
  const references: (readonly [string, readonly string[]])[] = [];
  for (const [name, each] of await listAliases(store)) references.push([name, [each.version, ...rememberedBy(each)]]);
  const runs = new Set<string>();
  for await (const { key } of store.list('runs/')) runs.add(key.split('/')[1]!);
  for (const run of runs) {
    if ((await readResult(store, run)) !== undefined) continue;
    const [args, submission] = [await readArguments(store, run), await readSubmission(store, run)];
    if (args?.parent && 'version' in args.parent) references.push([`run ${run}`, [args.parent.version]]);
    else if (submission) references.push([`submission ${run}`, [parentIn(submission)!]]);
  }
  const plans = await listPlans(store);
  for (const id of plans) {
    const plan = await readPlan(store, id);
    if ((await missingShards(store, id, plan)).length > 0) references.push([`plan ${id}`, [...versionsOf(plan)]]);
  }
  for (const id of await listVersions(store)) {
    const { run } = await readCard(store, id);
    const isKept =
      plans.includes(run.split('.')[0]!) || (runs.has(run) && (await readResult(store, run)) === undefined);
    if (isKept) references.push([`run ${run}`, [id]]);
    // One that is being deleted itself, and was interrupted, refers to nothing.
    const isDeleted = (await listUses(store)).get(id)?.isDeleted;
    if (!isDeleted) references.push([`child ${id}`, await parentsOf(store, id)]);
  }
  return references;
}

async function parentsOf(store: ObjectStore, id: string): Promise<string[]> {
  const { parent } = await readCard(store, id);
  return parent && 'version' in parent ? [parent.version] : [];
}

async function isIntact(store: ObjectStore, id: string): Promise<boolean> {
  if (!(await hasVersion(store, id))) return false;
  await readVersion(store, id);
  return true;
}

function isNothingBefore(error: unknown): boolean {
  return /nothing to roll back|no earlier version/.test(String(error));
}

/** A version of a run, with what it began with. */
export function versionOf(run: string, parent: string | undefined): Map<string, Uint8Array> {
  const files = exampleVersion();
  const card = JSON.parse(new TextDecoder().decode(files.get('card.json'))) as Card;
  return files.set('card.json', encodeJson({ ...card, run, ...(parent && { parent: { version: parent } }) }));
}
