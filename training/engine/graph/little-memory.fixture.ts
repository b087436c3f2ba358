/**
 * `little-memory.fixture.ts step|steps`: takes a step of which one layer gives half a gigabyte, in a process that gets no more than
 * 300 MB, and prints what is thrown.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { initializeWeights } from '../../nets/initialize.ts';
import type { Net } from '../../nets/net.ts';
import type { Engine } from '../engine.ts';
import { compileGraph } from './engine.ts';

const net: Net = {
  name: 'wide',
  ...{ input: [2, 2, 1], classes: 10 },
  layers: [
    { kind: 'normalization', name: 'normalize', mean: [0.5], deviation: [0.25] },
    { kind: 'flatten', name: 'flatten' },
    { kind: 'dense', name: 'hidden', units: 8192, bias: false, init: 'glorot-uniform' },
    { kind: 'dense', name: 'head', units: 10, bias: false, init: 'glorot-uniform' },
  ],
};

const few = await compile(8);
const many = await compile(2 ** 14);
takeStep(few, 8); // So that the threads are there, whose stacks take memory as well.
const pages = Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0]);
execFileSync('prlimit', ['--pid', String(process.pid), `--as=${4096 * pages + 300_000_000}`]);
try {
  takeStep(many, 2 ** 14);
} catch (error) {
  writeSync(1, String(error));
}
process.exit(); // What else is pending, such as a WebAssembly module of the loader, would not get its memory.

async function compile(batchSize: number): Promise<Engine> {
  const weights = initializeWeights(net, { seed: 1, images: imagesOf(batchSize).images });
  const optimizer = { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 } as const;
  return await compileGraph({
    ...{ net, weights, batchSize, seed: 1, labelSmoothing: 0, reduction: 'mean' },
    groups: [{ name: 'all', weights: weights.map(({ name }) => name), optimizer }],
    resident: { ...imagesOf(batchSize), augmentation: { flip: 'none', translate: 0 } },
  });
}

function takeStep(engine: Engine, batchSize: number): void {
  const options = { step: 0, learningRates: { all: 0 } };
  if (process.argv[2] === 'step') {
    engine.step(imagesOf(batchSize), options);
    return;
  }
  const images = Int32Array.from({ length: batchSize }, (_, image) => image);
  const transforms = Array.from(images, () => ({ isMirrored: false, down: 0, right: 0 }));
  engine.steps!.run([{ ...options, batch: { images, transforms } }]);
}

function imagesOf(count: number) {
  return { images: new Uint8Array(4 * count), labels: new Uint8Array(count), count };
}
