import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { makeFolder } from '#environment/make-folder.ts';
import { shellWord } from '#environment/shell-word.ts';
import { UsageError } from '#errors/user-error.ts';
import { checkCode, code } from '#jobs/check-code.ts';
import { isPlanId, planId } from '#models/plans/plan.ts';
import { missingShards } from '#models/plans/shards.ts';
import { sweepOptionsOf } from '#models/plans/sweep-options.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { collect, onBadOption } from '#training/commands/option-parsers.ts';
import { progressLine } from '#training/commands/progress-line.ts';
import type { OnBad } from '#training/data/dataset.ts';
import { readSweep } from '#training/record/sweep/read-sweep.ts';
import { suffixOf } from '../batch/batch-jobs.ts';
import { chooseDevice } from '../batch/choose-device.ts';
import type { Device } from '../batch/queues.ts';
import { confirmEstimate, describeEstimate, estimatePlan, type PlanEstimate } from '../fleet/estimate.ts';
import { planQueue } from '../fleet/submit-plan.ts';
import { openStore, type StoreOptions, withStoreOptions } from '../stack/store-option.ts';
import { openTarget } from '../stack/target.ts';
import { checkRuns } from '../sweep/check-runs.ts';
import type { SweepFile } from '../sweep/definition.ts';
import { readKnownData } from '../sweep/known-data.ts';
import { planSweep } from '../sweep/plan-sweep.ts';
import { isSweepFile, readSweepFile } from '../sweep/read-file.ts';
import { checkKeep, readOptions, type SweepOptionTexts, wholeIn } from '../sweep/read-options.ts';
import { sweepCsv, sweepRunsCsv } from '../sweep/report/sweep-csv.ts';
import { renderSweepPage } from '../sweep/report/sweep-page.ts';
import { sweepTable } from '../sweep/report/sweep-table.ts';
import { type Place, runSweep } from '../sweep/run-sweep.ts';
import { firstPlan, rungToDo, type StoredSweep, storedRungs, storePlan } from '../sweep/sweep-chain.ts';
import { table } from '../terminal/table.ts';

interface Options extends StoreOptions, SweepOptionTexts {
  readonly onBad?: OnBad;
  readonly on?: Device;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly detach?: boolean;
  readonly json?: boolean;
}

const help = `
A sweep trains a recipe with each combination of settings, each with several seeds, and ranks them by the
accuracy on held-out images. The test images are read only for runs that are kept: those are published as
versions, and the candidate stays as it is. The same command again does what is missing.

Exit codes: 0 done, 1 runs failed, 2 bad arguments, 130 interrupted by Ctrl-C, 75 by SIGTERM.

Examples:
  ./cifar10 sweep minute --over learningRate=0.2,0.4,0.8 --seeds 3 --store .cifar10/store
                                                in processes of this machine
  ./cifar10 sweep experiments/tricks.yaml --target aws --at-most 8 --keep best:3
                                                a sweep file, as jobs in your AWS account
  ./cifar10 sweep minute --over learningRate=0.1,0.2,0.4,0.8 --over weightDecay=0,0.001,0.002 --halving 3
                                                all shortly, the best third for longer, and so on
  ./cifar10 sweep quick --over "widths=32,64,64;64,128,128" --dry-run
                                                show the runs; values with commas are separated by semicolons
  ./cifar10 sweep 0123456789ab                  resume a sweep by its id
  ./cifar10 sweep 0123456789ab --keep best:1    publish the best run of a sweep that has ended
  ./cifar10 sweep status 0123456789ab           how far it is, and its groups, the best first
  ./cifar10 sweep report 0123456789ab           the same as a page, with curves, and as CSV`;

export function sweepCommand(): Command {
  return withStoreOptions(
    new Command('sweep').description('Train a recipe with many settings and seeds, and rank them on held-out images.'),
  )
    .argument('[what]', 'a recipe, a sweep file (.yaml, .yml or .json), or the id of a sweep to resume')
    .option('--over <key=values>', 'a setting with its values, such as learningRate=0.2,0.4; repeatable', collect)
    .option('--set <key=value>', 'change a setting of all runs; repeatable', collect)
    .option('--seeds <seeds>', 'how many seeds, from 1 on, or a list such as 1,2,5 (default: 1)')
    .option('--data <where>', 'what to train on, as for train (default: cifar10)')
    .addOption(onBadOption())
    .option('--from <parent>', 'start from a version or an alias, as for train; or none')
    .option('--keep <which>', 'which runs to publish at the end: best:3, all or none (default: none)')
    .option(
      '--halving <factor>',
      'train all groups for a few epochs, then one in <factor> of them for <factor> times as many, and so on',
    )
    .option('--at-most <number>', 'the most runs at once (default: as many as there is room for)')
    .addOption(
      new Option(
        '--on <device>',
        'jobs train on a GPU or on CPUs (default: gpu, where the account may start one)',
      ).choices(['gpu', 'cpu']),
    )
    .option('--dry-run', 'show the runs and what they take; train nothing')
    .option('--yes', 'do not ask')
    .option('--detach', 'submit jobs, and do not follow them')
    .option('--json', 'print lines of JSON')
    .addHelpText('after', help)
    .addCommand(statusCommand())
    .addCommand(reportCommand())
    .action(sweep);
}

async function sweep(what: string | undefined, options: Options): Promise<void> {
  if (what === undefined) {
    throw new UsageError(
      'Sweep what? Name a recipe, such as "sweep quick --over learningRate=0.2,0.4", or a sweep file.',
    );
  }
  checkPlace(options);
  if (isPlanId(what)) await resume(what, options);
  else await begin(what, options);
}

/** @throws {UsageError} an option says something of jobs, and processes of this machine train */
function checkPlace({ store, on, detach }: Options): void {
  const option = on !== undefined ? `--on ${on}` : detach ? '--detach' : undefined;
  if (store === undefined || option === undefined) return;
  throw new UsageError(
    `${option} is for jobs, and with --store ${shellWord(store)} the runs are trained by processes of this machine. ` +
      `Leave ${option} out, or give --target instead of --store.`,
  );
}

async function begin(what: string, options: Options): Promise<void> {
  const file: SweepFile = isSweepFile(what) ? await readSweepFile(what) : { recipe: what };
  const definition = readOptions(file, options);
  const place = await openPlace(options);
  const loading = progressLine();
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const groups = await checkRuns(definition, {
    ...{ store: place.store, isElsewhere: place.cloud !== undefined, log, progress: loading.show },
    ...(options.onBad && { onBad: options.onBad }),
  }).finally(loading.end);
  const { plan, likely } = planSweep(definition, groups, code());
  const stored = { id: planId(plan), plan };
  const { atMost, keep } = definition;
  const missing = await missingShards(place.store, stored.id, plan);
  const estimates = [await estimate(place, stored, missing, atMost)];
  for (const rung of likely.slice(1)) {
    estimates.push(
      await estimate(
        place,
        { id: planId(rung), plan: rung },
        rung.items.map(({ shard }) => shard),
        atMost,
      ),
    );
  }
  const takes = describeEstimate(together(estimates));
  if (options.dryRun) {
    showRuns(stored, { takes, json: options.json });
    return;
  }
  const isWhole = missing.length === plan.items.length;
  if (missing.length > 0) {
    const line = isWhole
      ? takes
      : `${plan.items.length - missing.length} of ${plan.items.length} runs have a result. ${takes}`;
    if (!(await confirmEstimate(line, { isPaid: place.cloud?.target.name === 'aws', yes: options.yes }))) return;
  } else process.stderr.write(`All ${plan.items.length} runs have a result.\n`);
  await storePlan(place.store, stored);
  await run(place, stored, { ...options, atMost, keep });
}

async function resume(id: string, options: Options): Promise<void> {
  const { keep: asked } = options;
  if (asked !== undefined) checkKeep(asked);
  for (const name of ['over', 'set', 'seeds', 'data', 'onBad', 'from', 'halving'] as const) {
    if (options[name] !== undefined) {
      const option = name === 'onBad' ? '--on-bad' : `--${name}`;
      throw new UsageError(
        `The sweep ${id} is what it is: ${option} makes another one. Begin that by its recipe or file.`,
      );
    }
  }
  const place = await openPlace(options);
  const first = await firstPlan(place.store, id);
  await checkCode(place.store, first.id, first.plan);
  const keep = asked ?? sweepOptionsOf(first.id, first.plan).keep;
  const { rung, missing } = await rungToDo(place.store, first);
  const atMost = options.atMost === undefined ? undefined : wholeIn('--at-most', options.atMost, { from: 1 });
  const takes = describeEstimate(await estimate(place, rung, missing, atMost));
  if (options.dryRun) {
    const isMissing = new Set(missing);
    const items = rung.plan.items.filter(({ shard }) => isMissing.has(shard));
    showRuns({ id: first.id, plan: { ...rung.plan, items } }, { takes, json: options.json });
    return;
  }
  if (missing.length > 0) {
    if (!(await confirmEstimate(takes, { isPaid: place.cloud?.target.name === 'aws', yes: options.yes }))) return;
  } else process.stderr.write(`All ${rung.plan.items.length} runs have a result.\n`);
  await run(place, first, { ...options, atMost, keep });
}

async function run(
  place: Place,
  first: StoredSweep,
  {
    atMost,
    keep,
    ...options
  }: Omit<Options, 'atMost' | 'keep'> & { readonly atMost: number | undefined; readonly keep: string },
): Promise<void> {
  const { json = false, detach = false } = options;
  const where = placeOptions(options);
  const keeping = keep === sweepOptionsOf(first.id, first.plan).keep ? '' : ` --keep ${keep}`;
  const device = options.on === undefined ? '' : ` --on ${options.on}`;
  const cap = atMost === undefined ? '' : ` --at-most ${atMost}`;
  const again = `./cifar10 sweep ${first.id}${keeping}${cap}${device}${where}`;
  if (!json) process.stdout.write(`Sweep ${first.id}\n`);
  const ran = await runSweep(place, first, { atMost, keep, json, detach, resume: again });
  process.exitCode = ran.exitCode;
  if (ran.isDetached) {
    if (json) process.stdout.write(`${JSON.stringify({ type: 'detached', sweep: first.id, plan: ran.last.id })}\n`);
    else
      process.stdout.write(
        `Look at it with "./cifar10 sweep status ${first.id}${where}", follow it with "${again}".\n`,
      );
    return;
  }
  if (ran.exitCode !== 0) {
    if (!json) process.stderr.write(`To resume the sweep: ${again}\n`);
    return;
  }
  // How many runs are done was said by the receipt.
  await showSweep(place.store, ran.last, { first: first.id, json, hasProgress: false });
  if (!json) process.stdout.write(`\nThe report: ./cifar10 sweep report ${first.id}${where}\n`);
}

async function openPlace(options: Options): Promise<Place> {
  if (options.store !== undefined) return { store: await openObjectStore(options.store) };
  const target = await openTarget(options);
  const stack = await target.stack();
  const { device, why } = await chooseDevice(target, stack, options.on);
  if (why) process.stderr.write(`${pc.yellow('!')} ${why}\n`);
  return { store: await target.store(), cloud: { target, queue: planQueue({ kind: 'sweep' }, device, stack, target) } };
}

async function estimate(
  { store, cloud }: Place,
  { plan }: StoredSweep,
  missing: readonly string[],
  atMost: number | undefined,
): Promise<PlanEstimate> {
  const { train } = await readKnownData(store, plan.items[0]!.data);
  return estimatePlan(store, plan, { missing, atMost, on: cloud, images: train.count });
}

/** Of all rungs, one after the other. */
function together(estimates: readonly PlanEstimate[]): PlanEstimate {
  const sum = (of: (each: PlanEstimate) => number) => estimates.reduce((total, each) => total + of(each), 0);
  const [first] = estimates;
  const { dollars: _, ...others } = first!;
  return {
    ...others,
    items: sum(({ items }) => items),
    atOnce: Math.max(...estimates.map(({ atOnce }) => atOnce)),
    seconds: sum(({ seconds }) => seconds),
    machineSeconds: sum(({ machineSeconds }) => machineSeconds),
    ...(estimates.every(({ dollars }) => dollars !== undefined) && { dollars: sum(({ dollars }) => dollars!) }),
  };
}

/** Runs that a dry run shows. */
const SHOWN = 50;

function showRuns(
  { id, plan }: StoredSweep,
  { takes, json = false }: { readonly takes: string; readonly json?: boolean | undefined },
): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ sweep: id, takes, ...plan })}\n`);
    return;
  }
  const rows = plan.items.slice(0, SHOWN).map(({ shard, name, set, data }) => [shard, name, set.join(' '), data]);
  for (const line of table([['run', 'name', 'settings', 'data'], ...rows])) process.stdout.write(`${line}\n`);
  if (plan.items.length > SHOWN)
    process.stdout.write(`… and ${(plan.items.length - SHOWN).toLocaleString('en')} more\n`);
  process.stdout.write(`\nSweep ${id}: ${takes}. Nothing was begun.\n`);
}

async function showSweep(
  store: ObjectStore,
  { id }: StoredSweep,
  {
    first,
    json,
    hasProgress = true,
  }: { readonly first: string; readonly json: boolean; readonly hasProgress?: boolean },
): Promise<void> {
  const found = await readSweep(store, id);
  if (json) {
    const runs = found.runs.map(({ item, progress: { state }, result, published }) => ({
      ...{ run: item.shard, name: item.name, group: item.group, seed: item.seed, state, result },
      ...(published && { version: published.version, test: published.accuracy }),
    }));
    process.stdout.write(`${JSON.stringify({ type: 'sweep', sweep: first, plan: id, runs })}\n`);
    return;
  }
  for (const line of sweepTable(found, { columns: process.stdout.columns, hasProgress }))
    process.stdout.write(`${line}\n`);
}

function statusCommand(): Command {
  return withStoreOptions(new Command('status').description('Show how far a sweep is, and its groups, the best first.'))
    .argument('<id>', 'the id of a sweep')
    .option('--json', 'print JSON')
    .action(status);
}

async function status(id: string, options: StoreOptions & { readonly json?: boolean }): Promise<void> {
  const { json = false } = options;
  const store = await openStore(options);
  const first = await firstPlan(store, id);
  const rungs = await storedRungs(store, first);
  for (const rung of rungs) {
    const { halving } = sweepOptionsOf(rung.id, rung.plan);
    if (halving && !json) process.stdout.write(`Rung ${halving.rung} of ${halving.rungs}, plan ${rung.id}\n`);
    await showSweep(store, rung, { first: first.id, json });
    if (!json) process.stdout.write('\n');
  }
  if (!json) process.stdout.write(`To resume it: ./cifar10 sweep ${first.id}${placeOptions(options)}\n`);
}

function reportCommand(): Command {
  return withStoreOptions(
    new Command('report').description(
      'Write what a sweep has come to so far: a page, and tables of its groups and runs.',
    ),
  )
    .argument('<id>', 'the id of a sweep')
    .option('--out <folder>', 'where the files go (default: sweep-<id>)')
    .action(report);
}

async function report(id: string, { out, ...options }: StoreOptions & { readonly out?: string }): Promise<void> {
  const store = await openStore(options);
  const first = await firstPlan(store, id);
  const folder = out ?? `sweep-${first.id}`;
  await makeFolder(folder);
  for (const {
    id: plan,
    plan: { options },
  } of await storedRungs(store, first)) {
    const found = await readSweep(store, plan);
    const { halving } = sweepOptionsOf(plan, { options });
    const prefix = halving === undefined ? '' : `rung-${halving.rung}-`;
    const files = {
      'report.html': renderSweepPage(found),
      'groups.csv': sweepCsv(found),
      'runs.csv': sweepRunsCsv(found),
    };
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, `${prefix}${name}`);
      await writeFile(path, text);
      process.stdout.write(`${path}\n`);
    }
  }
}

/** The options with which a command finds the sweep. */
function placeOptions({ store, target, stage }: StoreOptions): string {
  return store === undefined ? suffixOf({ name: target, stage }) : ` --store ${shellWord(store)}`;
}
