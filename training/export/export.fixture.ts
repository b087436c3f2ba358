import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import { readersPython } from '#setup/readers.mjs';
import { compileEager } from '../engine/eager/engine.ts';
import { startWasm } from '../engine/eager/wasm.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import { anyNet, everything, everythingBranched, largerNets, noiseBatch, trainedWeights } from '../nets/net.fixture.ts';
import type { Net } from '../nets/net.ts';
import { resnet9 } from '../nets/resnet9.ts';
import { resnet20 } from '../nets/resnet20.ts';
import { vgg } from '../nets/vgg.ts';
import { netOf, recipes } from '../recipe/recipes.ts';
import type { TrainedNet } from './trained-net.ts';

/** `undefined` where set-up has not installed the readers; tests that need them are skipped. */
export const python = readersPython();
/** For the titles of such tests. */
export const unlessSkipped = '(skipped without `npm run setup -- --with-tests`)';

export function trainedNet(net: Net, seed: number): TrainedNet {
  return {
    net,
    weights: trainedWeights(net, seed),
    classes: Array.from({ length: net.classes }, (_, label) => `class ${label}`),
    temperature: 1.25,
    recipe: { name: 'any', settings: { widths: [1, 2, 3], net: 'any' } },
  };
}

/** Names of layers that the formats use themselves, one layer read twice by another, a shortcut that only subsamples. */
export const awkward: Net = {
  name: 'awkward',
  input: [5, 6, 3],
  classes: 4,
  layers: [
    { kind: 'normalization', name: 'images', mean: [0.5, 0.4, 0.3], deviation: [0.3, 0.2, 0.25] },
    { kind: 'add', name: 'images_', inputs: ['images', 'images'] },
    { kind: 'channel-padding', name: 'shortcut', filters: 5, stride: 2 },
    { kind: 'activation', name: 'shortcut-pixels', function: 'elu' },
    { kind: 'channel-padding', name: 'shortcut-padding', inputs: ['shortcut'], filters: 5, stride: 1 },
    { kind: 'add', name: 'probabilities', inputs: ['shortcut-pixels', 'shortcut', 'shortcut-padding'] },
    { kind: 'dropout', name: 'net', rate: 0.5 },
    { kind: 'global-pooling', name: 'pool', function: 'max' },
    { kind: 'dense', name: 'logits', units: 4, bias: true, init: 'he-normal' },
  ],
};

/** The nets of papers; ResNet-9 narrow. */
export const classicNets = [resnet20(), resnet20(undefined, 'projection'), vgg(), resnet9([16, 32, 32])];

/** Nets that settings changed: ELU, batch normalization where there was none and none where there was one, a scale. */
const changedNets = [
  netOf({ ...recipes.seed, activation: 'elu', batchNormalization: 'on', dropout: 0, logitScale: 0.5 }),
  netOf({ ...recipes.minute, widths: [8, 16, 16], activation: 'elu', batchNormalization: 'off', dropout: 0.2 }),
];

/** The net of every recipe, for larger images too, those of papers, those with every kind of layer, and some random ones. */
export function exampleNets(): TrainedNet[] {
  const named = Object.values(recipes).map((recipe) => netOf(recipe));
  return [
    ...new Map(named.map((net) => [JSON.stringify(net), net])).values(), // Some recipes share theirs.
    ...classicNets,
    ...largerNets,
    ...changedNets,
    everything,
    everythingBranched,
    awkward,
    ...fc.sample(anyNet, 8),
  ].map(trainedNet);
}

export interface Answer {
  readonly input: readonly unknown[];
  /** Shape of the logits, and the logits. */
  readonly shape: readonly [number, number];
  readonly logits: readonly number[];
  readonly [more: string]: unknown;
}

/**
 * Has a Python program read each net in a format and compute logits for batches of random sizes; expects ours.
 *
 * @param encode writes the net as a file
 * @param program defines `answer(file, images)`, which returns logits and further members of an `Answer`; images are
 *   `[N, H, W, C]` uint8
 * @returns the program's answers, for further checks
 */
export async function expectSameLogits(
  nets: readonly TrainedNet[],
  encode: (trained: TrainedNet) => Uint8Array,
  program: string,
): Promise<Answer[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-export-'));
  try {
    const sizes = fc.sample(fc.integer({ min: 1, max: 7 }), nets.length);
    const expected: Float32Array[] = [];
    for (const [index, trained] of nets.entries()) {
      const { net, weights } = trained;
      const { images } = noiseBatch(net, sizes[index]!, index);
      await writeFile(path.join(folder, `${index}.model`), encode(trained));
      await writeFile(path.join(folder, `${index}.images`), images);
      expected.push(await logitsOf(net, weights, images));
    }
    const shapes = nets.map(({ net }, index) => [sizes[index], ...net.input]);
    const answers: Answer[] = JSON.parse(
      runPython(`${program}\n${ASK}`, [folder, JSON.stringify(shapes)])
        .split('\n')
        .at(-2)!,
    );
    for (const [index, { shape, logits }] of answers.entries()) {
      const { net } = nets[index]!;
      const message = `${JSON.stringify(net)} on ${sizes[index]} images`;
      expect(shape, message).toEqual([sizes[index], net.classes]);
      expectClose(logits, expected[index]!, message);
    }
    expect(answers).toHaveLength(nets.length);
    return answers;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** @param images `[N, H, W, C]` @returns `[N, classes]`, by the engine */
export async function logitsOf(net: Net, weights: readonly NamedTensor[], images: Uint8Array): Promise<Float32Array> {
  await startWasm();
  const options = { batchSize: 1, seed: 1, labelSmoothing: 0, reduction: 'mean', groups: [] } as const;
  const engine = await compileEager({ net, weights, ...options });
  try {
    return engine.logits(images);
  } finally {
    engine.dispose();
  }
}

/** Expects values within 1e-5 of the largest. */
export function expectClose(found: ArrayLike<number>, expected: Float32Array, message?: string): void {
  expect(found.length, message).toBe(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - found[at]!)), 0);
  expect(worst, message).toBeLessThanOrEqual(1e-5 * largest + 1e-7);
}

const ASK = `
import json, sys, numpy as np
folder, shapes = sys.argv[1], json.loads(sys.argv[2])
answers = []
for index, shape in enumerate(shapes):
  images = np.fromfile(f'{folder}/{index}.images', np.uint8).reshape(shape)
  logits, more = answer(f'{folder}/{index}.model', images)
  answers.append({'shape': logits.shape, 'logits': logits.astype(float).ravel().tolist(), **more})
print(json.dumps(answers))
`;

/** @returns its standard output */
export function runPython(program: string, args: readonly string[], backend: 'numpy' | 'jax' = 'numpy'): string {
  const { status, stdout, stderr } = spawnSync(python!, ['-W', 'ignore', '-c', program, ...args], {
    encoding: 'utf8',
    env: { ...process.env, KERAS_BACKEND: backend },
    maxBuffer: 1e8,
  });
  expect(status, stderr).toBe(0);
  return stdout;
}
