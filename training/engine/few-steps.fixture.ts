/**
 * Trains five steps of each kind of net that is published and prints, as JSON, the SHA-256 of all that a checkpoint holds of
 * each: weights, statistics, optimizer, slow average. `few-steps.fixture.ts inline|ahead`: when batches are prepared; `ahead` is
 * by the engine in native TensorFlow, and in a worker with WebAssembly.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Of } from '#models/manifest.ts';
import { encodeSafetensors } from '#models/safetensors.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { smallDataset } from '../data/small-dataset.fixture.ts';
import { resolveRecipe } from '../recipe/settings.ts';
import { openCheckpoints } from '../run/checkpoint.ts';
import { train } from '../run/train.ts';
import { fastestPrecision } from './graph/precision.ts';
import { hasTensorFlow, loadTensorFlow } from './tensorflow.ts';

const isAhead = process.argv[2] === 'ahead';
const [wasmBatches, batches] = isAhead ? ['worker', 'graph'] : ['inline', 'inline'];
const data = await smallDataset(128, 1);
const folder = await mkdtemp(join(tmpdir(), 'few-steps-'));
const store = folderStore(folder);
const digests: Record<string, string> = {};
/** The last step is in the second epoch, when the whitening bias of an airbench net is frozen; the test is left out. */
const trainFewSteps = async (run: string, recipe: string, settings: readonly string[]) => {
  const few = ['batchSize=32', 'heldOut=0', 'epochs=1.25', ...settings];
  const isTrained = new AbortController();
  await train({
    ...{ recipe: resolveRecipe(recipe, few), seed: 3, data, store, spool: store, run, resume: '' },
    emit: (event) => event.type === 'checkpoint' && event.step === 5 && isTrained.abort('trained'),
    signal: isTrained.signal,
  });
  const { latest } = await openCheckpoints(store, run);
  digests[run] = sha256Of(encodeSafetensors({ tensors: latest!.state }));
};

await trainFewSteps('tiny-wasm', 'tiny', ['engine=wasm', `batchPreparation=${wasmBatches}`]);
if (hasTensorFlow()) {
  const photos = ['randomCrop=0.3', 'randAugment=2,9', 'colorJitter=0.4,0.4,0.4,0.1', 'cutout=0.25'];
  const turned = ['flip=random', 'verticalFlip=random', 'zoom=0.1,0.2', 'rotate=15'];
  await trainFewSteps('seed', 'seed', [...photos, ...turned, 'classWeights=balanced', `batchPreparation=${batches}`]);
  for (const precision of new Set(['float32', fastestPrecision(await loadTensorFlow())])) {
    await trainFewSteps(`short-${precision}`, 'short', [`precision=${precision}`, `batchPreparation=${batches}`]);
  }
}
await rm(folder, { recursive: true });
process.stdout.write(`${JSON.stringify(digests)}\n`);
