/** Our contestant: the seed network as one TensorFlow graph a step, from bytes in memory to updated weights. */
import { createInterface } from 'node:readline';
import { batches } from '#training/batches.ts';
import { loadCifar10 } from '#training/data/cifar10.ts';
import { slice } from '#training/data/dataset.ts';
import { compileGraph } from '#training/graph/engine.ts';
import { initializeWeights } from '#training/nets/initialize.ts';
import { freezableOf, groupsOf, learningRatesOf } from '#training/parameter-groups.ts';
import { netOf, recipes } from '#training/recipes.ts';

const recipe = recipes.seed;
const net = netOf(recipe);
const { train } = await loadCifar10();
const groups = groupsOf(net, recipe);
const engine = await compileGraph({
  net,
  weights: initializeWeights(net, { seed: 1 }),
  batchSize: recipe.batchSize,
  seed: 1,
  labelSmoothing: recipe.labelSmoothing,
  reduction: 'mean',
  groups,
  freezable: freezableOf(groups, recipe),
});
process.stdout.write(`${JSON.stringify({ name: 'graph written in TypeScript', version: engine.description })}\n`);

let step = 0;
for await (const line of createInterface(process.stdin)) {
  const steps = Number(line);
  const images = slice(train, 0, steps * recipe.batchSize);
  const began = performance.now();
  const augmentation = { flip: recipe.flip, shift: recipe.shift };
  const epoch = step / steps;
  for (const batch of batches(images, { imageSize: net.input, size: recipe.batchSize, seed: 1, epoch, augmentation })) {
    const learningRates = learningRatesOf(groups, recipe, { step, steps: 1, stepsPerEpoch: 1 });
    engine.step(batch, { step: step++, learningRates });
  }
  process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - began) / 1000 })}\n`);
}
engine.dispose();
