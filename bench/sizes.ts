import { parseLayersModel } from '#inference/engine/model/layers-model.ts';
import { lowerModel } from '#inference/engine/model/lower.ts';
import { openNetwork } from '#inference/engine/network.ts';
import { cifar10Images } from '#training/data/image-set.ts';
import { exportLayersModel } from '#training/export/layers-model/export.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import { netOf, recipes } from '#training/recipe/recipes.ts';
import { writeResults } from './results.ts';

const SIZES = [32, 48, 64, 96, 128] as const;
/** Images that are classified in one measurement. */
const IMAGES = 32;

/** What a recipe's net costs the endpoint with larger pictures: weights, memory, and processor time of a picture. */
export async function benchmarkSizes({ recipe }: { readonly recipe: keyof typeof recipes }): Promise<void> {
  const measured = [];
  for (const size of SIZES) {
    const images = { ...cifar10Images, size: [size, size, 3] as const };
    const net = netOf({ ...recipes[recipe], imageSize: size }, images);
    const pixels = Uint8Array.from({ length: IMAGES * size * size * 3 }, (_, at) => 128 + 100 * Math.sin(at / 7));
    const { modelJson, weightsBin } = exportLayersModel(net, initializeWeights(net, { seed: 1, images: pixels }));
    const network = await openNetwork(lowerModel(parseLayersModel(modelJson, weightsBin)));
    network.logits(pixels); // The first programs are made when they are needed.
    const before = process.cpuUsage();
    network.logits(pixels);
    const { user, system } = process.cpuUsage(before);
    const figures = { size, weights: weightsBin.length, memory: network.bytes, cpu: (user + system) / 1e6 / IMAGES };
    measured.push(figures);
    process.stdout.write(
      `${size}x${size}: ${(figures.weights / 1e6).toFixed(2)} MB of weights, ${(figures.memory / 1e6).toFixed(0)} MB of memory, ` +
        `${(1000 * figures.cpu).toFixed(1)} ms of processor time a picture\n`,
    );
  }
  const command = `npm run bench -- sizes --recipe ${recipe}`;
  process.stdout.write(`${(await writeResults(`sizes-${recipe}`, command, { recipe, sizes: measured })).join('\n')}\n`);
}
