import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sizeOf } from '#models/size-of.ts';
import type { Augmentation } from '#training/data/augmentation.ts';
import type { Split } from '#training/data/dataset.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import type { NamedTensor } from '#training/nets/named-tensor.ts';
import type { Net } from '#training/nets/net.ts';
import type { ParameterGroup } from '#training/recipe/optimizer.ts';
import { groupsOf, learningRatesOf } from '#training/recipe/parameter-groups.ts';
import { netOf, type Recipe } from '#training/recipe/recipes.ts';

/** The settings file of a case, as JSON: all contestants train the same net, from the same weights, in the same way. */
export interface Setting {
  readonly net: Net;
  readonly batchSize: number;
  readonly labelSmoothing: number;
  /** Groups of trained weights. A weight that is in no group is not trained. */
  readonly groups: readonly (ParameterGroup & { readonly learningRate: number })[];
  readonly augmentation: Augmentation;
  /** The weights whose values `weightsFile` holds, in this order, as float32. */
  readonly weights: readonly Pick<NamedTensor, 'name' | 'shape'>[];
  readonly weightsFile: string;
  /** Labels `[count]`, then images `[count, H, W, C]`, as bytes. */
  readonly dataFile: string;
  readonly count: number;
}

/** Writes the labels and images that all cases train on. */
export async function writeData(folder: string, split: Split): Promise<Pick<Setting, 'dataFile' | 'count'>> {
  return { dataFile: await writeSplit(join(folder, 'train.bin'), split), count: split.count };
}

/** Writes labels `[N]`, then images `[N, H, W, C]`, as bytes. @returns the file */
export async function writeSplit(file: string, { labels, images }: Split): Promise<string> {
  await writeFile(file, Buffer.concat([Uint8Array.from(labels), images]));
  return file;
}

/** Writes the settings file of a case, and its initial weights. @returns the setting, and the path of its file */
export async function writeSetting(
  folder: string,
  recipe: Recipe,
  split: Split,
  data: Pick<Setting, 'dataFile' | 'count'>,
): Promise<{ readonly setting: Setting; readonly file: string }> {
  const net = netOf(recipe);
  const groups = groupsOf(net, recipe);
  const rates = learningRatesOf(groups, recipe, { step: 0, steps: 1, stepsPerEpoch: 1 });
  const weights = initializeWeights(net, { seed: 1, images: split.images });
  const stem = join(folder, `${net.name}-${recipe.batchSize}`);
  await writeFile(
    `${stem}.weights`,
    Buffer.concat(weights.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))),
  );
  const setting: Setting = {
    net,
    batchSize: recipe.batchSize,
    labelSmoothing: recipe.labelSmoothing,
    groups: groups.map((group) => ({ ...group, learningRate: rates[group.name]! })),
    augmentation: { flip: recipe.flip, translate: recipe.translate },
    weights: weights.map(({ name, shape }) => ({ name, shape })),
    weightsFile: `${stem}.weights`,
    ...data,
  };
  await writeFile(`${stem}.json`, JSON.stringify(setting));
  return { setting, file: `${stem}.json` };
}

/** Reads a settings file, its training images and its weights. */
export function readSetting(file: string): {
  readonly setting: Setting;
  readonly split: Split;
  readonly weights: NamedTensor[];
} {
  const setting: Setting = JSON.parse(readFileSync(file, 'utf8'));
  const bytes = new Uint8Array(readFileSync(setting.dataFile));
  const { count } = setting;
  const values = new Float32Array(new Uint8Array(readFileSync(setting.weightsFile)).buffer);
  let start = 0;
  const weights = setting.weights.map(({ name, shape }) => {
    const data = values.slice(start, start + sizeOf(shape));
    start += data.length;
    return { name, shape, data };
  });
  return { setting, split: { count, labels: bytes.subarray(0, count), images: bytes.subarray(count) }, weights };
}
