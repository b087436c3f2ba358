import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exampleVersion } from '#models/example-version.ts';
import { decodeSafetensors } from '#models/safetensors.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { publishVersion } from '#models/versions.ts';
import { anyNet, everything } from '../nets/net.fixture.ts';
import { encodeNet } from '../nets/net-schema.ts';
import { netOf, recipes } from '../recipe/recipes.ts';
import { classicNets, python, runPython, trainedNet, unlessSkipped } from './export.fixture.ts';
import { decodeWeights, encodeWeights, readTrainedNet, weightsFile } from './weights.ts';

const trained = trainedNet(everything, 1);

describe('weights.safetensors', () => {
  test('any net is read back as it was written', () => {
    fc.assert(
      fc.property(anyNet, fc.nat(), (net, seed) => {
        const drawn = trainedNet(net, seed);
        expect(decodeWeights(encodeWeights(drawn))).toEqual(drawn);
      }),
      { numRuns: 50 },
    );
  });

  test.each(Object.entries(recipes))('holds the net of recipe %s', (_, recipe) => {
    const { net } = decodeWeights(encodeWeights(trainedNet(netOf(recipe), 1)));
    expect(net).toEqual(netOf(recipe));
  });

  test.each(classicNets)('holds $name', (net) => {
    expect(decodeWeights(encodeWeights(trainedNet(net, 1))).net).toEqual(net);
  });

  test('files keep the older name of an initialization', () => {
    const { net } = decodeSafetensors(encodeWeights(trained)).metadata;
    expect(net).toContain('"init":"kaiming-uniform"');
    expect(net).not.toContain('fan-in-uniform');
    expect(decodeWeights(encodeWeights(trained)).net).toEqual(everything);
  });

  test('is the same every time, in whatever order the weights are given', () => {
    const reversed = { ...trained, weights: [...trained.weights].reverse() };
    expect(Buffer.compare(encodeWeights(reversed), encodeWeights(trained))).toBe(0);
  });

  test('is read from a version; a version without it is an error', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-weights-'));
    try {
      const store = folderStore(folder);
      const files = exampleVersion();
      const older = await publishVersion(store, files);
      await expect(readTrainedNet(store, older)).rejects.toThrow(`${older} has no weights.safetensors`);
      const newer = await publishVersion(store, files.set(weightsFile, encodeWeights(trained)));
      expect(await readTrainedNet(store, newer)).toEqual(trained);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test.skipIf(python === undefined)(`safetensors for Python reads the same bytes ${unlessSkipped}`, async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-weights-'));
  const file = path.join(folder, weightsFile);
  try {
    await writeFile(file, encodeWeights(trained));
    const program = `
import sys, json
from safetensors import safe_open
with safe_open(sys.argv[1], 'numpy') as f:
  tensors = {name: [f.get_tensor(name).shape, f.get_tensor(name).tobytes().hex()] for name in f.keys()}
  print(json.dumps({'tensors': tensors, 'metadata': f.metadata()}))
`;
    const { tensors, metadata } = JSON.parse(runPython(program, [file]));
    const ours = trained.weights.map(({ name, shape, data }) => [
      name,
      [[...shape], Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')],
    ]);
    expect(tensors).toEqual(Object.fromEntries(ours));
    expect(JSON.parse(metadata.classes)).toEqual(trained.classes);
    expect(JSON.parse(metadata.net)).toEqual(encodeNet(trained.net));
  } finally {
    await rm(folder, { recursive: true });
  }
});
