import pc from 'picocolors';
import { newRunId } from '#models/runs.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { cifar10Images, type ImageSet } from '../data/image-set.ts';
import { checkDataset, checkPublishedForm, openDataset } from '../datasets/open-dataset.ts';
import { countWeights, layerTable, sumsOf } from '../nets/layer-table.ts';
import type { Net } from '../nets/net.ts';
import type { Recipe } from '../recipe/recipes.ts';
import { checkParent, netFor, openParent } from '../run/parent.ts';
import { recipeFor } from '../run/recipe-on-data.ts';
import { layerLines } from './layer-lines.ts';
import { progressLine } from './progress-line.ts';
import type { TrainHereOptions } from './train-here.ts';

interface ShowNetworkOptions extends Omit<TrainHereOptions, 'seed' | 'run'> {
  /** @default a table */
  readonly json?: boolean;
  /** Aborted with the name of a signal: images are no longer opened. */
  readonly signal: AbortSignal;
}

/**
 * The network that `trainHere` would train, without training it: its layers with their shapes and parameters, as lines.
 *
 * @throws {UsageError} as `trainHere`, or the net cannot be made for such images
 */
export async function showNetwork({ json = false, data = 'cifar10', ...options }: ShowNetworkOptions): Promise<string> {
  const { out, from = 'none' } = options;
  const store = await openObjectStore(out);
  const parent = from === 'none' ? undefined : await openParent({ from: checkParent(from), store, run: newRunId() });
  const { name, settings } = recipeFor(options, parent);
  const net = netFor(settings, await imagesOf(checkDataset(data), settings, options), parent);
  return json ? `${JSON.stringify(describe(net, { recipe: name, data }))}\n` : table(net, { recipe: name, data });
}

/** What a net must know of the images. Those of CIFAR-10 are known without fetching them. */
async function imagesOf(
  where: string,
  { imageSize: size, fit }: Recipe,
  { onBad, signal }: Pick<ShowNetworkOptions, 'onBad' | 'signal'>,
): Promise<ImageSet> {
  const image = { size, fit };
  if (where === 'cifar10') {
    checkPublishedForm(where, image);
    return cifar10Images;
  }
  const loading = progressLine();
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const asAsked = { image, signal, log, progress: loading.show, ...(onBad && { onBad }) };
  return (await openDataset(where, asAsked).finally(loading.end)).images;
}

interface About {
  readonly recipe: string;
  readonly data: string;
}

function describe(net: Net, about: About) {
  const { parameters, trainable, statistics } = countWeights(net);
  const sums = { parameters, trainable, notTrainable: parameters - trainable, runningStatistics: statistics };
  return { type: 'network', ...about, input: net.input, classes: net.classes, layers: layerTable(net), ...sums };
}

function table(net: Net, { recipe, data }: About): string {
  const colours = pc.createColors(process.stdout.isTTY && pc.isColorSupported);
  const images = `images of ${net.input.join(' x ')}, ${net.classes} classes`;
  const lines = layerLines(layerTable(net), colours, sumsOf(countWeights(net)));
  return [`${colours.bold(recipe)} on ${data}: ${images}`, ...lines, ''].join('\n');
}
