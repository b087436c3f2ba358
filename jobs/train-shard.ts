import type { SweepItem } from '#models/plans/plan.ts';
import { runOfShard, sweepOptionsOf } from '#models/plans/sweep-options.ts';
import type { SweepResult } from '#models/plans/sweep-result.ts';
import { type RunResult, readResult as readRunResult } from '#models/runs.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { isContainer, placeOf } from '#training/commands/place.ts';
import { viewFor } from '#training/commands/run-view.ts';
import { prepareDevice } from '#training/commands/train-device.ts';
import type { Dataset } from '#training/data/dataset.ts';
import { isNamed, openDataset } from '#training/datasets/open-dataset.ts';
import { loadPacked } from '#training/datasets/packed/open-packed.ts';
import type { Recipe } from '#training/recipe/recipes.ts';
import { NothingLearned } from '#training/run/nothing-learned.ts';
import { openParent } from '#training/run/parent.ts';
import { recipeFor, recipeOnData } from '#training/run/recipe-on-data.ts';
import { instanceMetadata } from '#training/run/reclaim-notice.ts';
import { spoolFor } from '#training/run/spooled-checkpoints.ts';
import type { ShardContext } from './shard-context.ts';

/** What a run that was kept came to. */
export type PublishedRun = Pick<RunResult, 'version' | 'accuracy'> & { readonly run: string };

/**
 * Trains a run of a sweep, or resumes it, and measures it on the held-out images. In a plan that publishes: publishes a run
 * that stands at its last step, without making it the candidate.
 */
export async function runShard(context: ShardContext<'sweep'>): Promise<SweepResult | PublishedRun> {
  const { store, planId, plan, item, signal } = context;
  const options = sweepOptionsOf(planId, plan);
  await prepareDeviceOnce(signal);
  const { train, trainAndMeasure } = await import('#training/run/train.ts'); // Loads TensorFlow: after the device is chosen.
  const run = runOfShard(planId, options, item.shard);
  const view = viewFor(process.stdout, { place: placeOf(store.url) });
  try {
    const training = {
      ...(await openTraining(context, run)),
      ...{ store, run, signal, emit: view.show, metadata: instanceMetadata() },
      spool: isContainer() ? undefined : spoolFor(store),
      resume: `./cifar10 sweep ${options.halving?.first ?? options.publishes ?? planId}${placeOf(store.url).options}`,
    };
    if (options.publishes === undefined) {
      const outcome = await trainAndMeasure(training);
      if (outcome.status === 'interrupted') throw signal.reason;
      return outcome.result;
    }
    const outcome = await train({ ...training, becomesCandidate: false }).catch((error: unknown) => {
      if (error instanceof NothingLearned) return undefined; // It is published all the same.
      throw error;
    });
    if (outcome?.status === 'interrupted') throw signal.reason;
    const { version, accuracy } = outcome?.result ?? (await readRunResult(store, run))!;
    return { run, version, accuracy };
  } finally {
    view.end();
  }
}

/** All that decides the weights of a run. */
async function openTraining({ store, item, signal, log }: ShardContext<'sweep'>, run: string) {
  const { recipe: name, set, seed, from = 'none' } = item;
  const parent = from === 'none' ? undefined : await openParent({ from, store, run });
  const asked = recipeFor({ recipe: name, set }, parent);
  const data = await openData(item, asked.settings, { store, signal, log });
  return { recipe: recipeOnData({ recipe: name, set }, { asked, data, from: parent }), seed, data, from: parent };
}

let device: Promise<void> | undefined;

function prepareDeviceOnce(signal: AbortSignal): Promise<void> {
  device ??= prepareDevice(signal);
  return device;
}

/** The images of the last shard: those of the next one are most often the same. */
let opened: { readonly key: string; readonly data: Dataset } | undefined;

async function openData(
  { data: address }: Pick<SweepItem, 'data'>,
  { imageSize: size, fit }: Pick<Recipe, 'imageSize' | 'fit'>,
  {
    store,
    signal,
    log,
  }: { readonly store: ObjectStore; readonly signal: AbortSignal; readonly log: (line: string) => void },
): Promise<Dataset> {
  const key = `${store.url} ${address} ${size} ${fit}`;
  if (opened?.key === key) return opened.data;
  opened = undefined; // Before the next: both may not fit into the memory.
  const image = { size, fit };
  const isBucket = store.url.startsWith('s3://');
  const data = isNamed(address)
    ? await openDataset(address, { image, signal, log, ...(isBucket && { bucket: store }) })
    : await loadPacked(store, address, { image, signal });
  opened = { key, data };
  return data;
}
