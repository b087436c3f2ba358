/**
 * Our contestant: runs one TensorFlow graph per step, from bytes in memory to updated weights.
 * Usage: `ours.ts <settings file> <settings of the engine, as JSON> <name>`. `contestant.ts` describes the protocol.
 */
import { createInterface } from 'node:readline';
import { batches } from '#training/data/batches.ts';
import { slice } from '#training/data/dataset.ts';
import type { EngineOptions } from '#training/engine/engine.ts';
import { compileGraph } from '#training/engine/graph/engine.ts';
import { readSetting } from './setting.ts';

const [file = '', settings = '{}', name = 'ours'] = process.argv.slice(2);
const { setting, split, weights } = readSetting(file);
const { net, batchSize, labelSmoothing, groups, augmentation } = setting;
const engine = await compileGraph({
  ...{ net, weights, batchSize, labelSmoothing, groups, seed: 1, reduction: 'mean' },
  ...(JSON.parse(settings) as Pick<EngineOptions, 'precision' | 'filterGradient' | 'convolutions'>),
});
const learningRates = Object.fromEntries(groups.map(({ name, learningRate }) => [name, learningRate]));

let step = 0;
const first = slice(split, 0, batchSize);
const losses = [0, 1, 2].map(() => engine.step(first, { step: step++, learningRates }));
process.stdout.write(`${JSON.stringify({ name, version: engine.description, losses })}\n`);

let epoch = 0;
for await (const line of createInterface(process.stdin)) {
  const steps = Number(line);
  const images = slice(split, 0, steps * batchSize);
  let waited = 0;
  const began = performance.now();
  const prepared = batches(images, { imageSize: net.input, size: batchSize, seed: 1, epoch: epoch++, augmentation });
  for (let asked = performance.now(); ; asked = performance.now()) {
    const { value: batch, done } = prepared.next();
    waited += performance.now() - asked;
    if (done) break;
    engine.step(batch, { step: step++, learningRates });
  }
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(`${JSON.stringify({ seconds, preparation: waited / 1000 })}\n`);
}
engine.dispose();
