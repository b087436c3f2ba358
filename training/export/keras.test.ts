import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import { anyNet, everything, everythingBranched, noiseBatch, trainedWeights } from '../nets/net.fixture.ts';
import {
  awkward,
  exampleNets,
  expectClose,
  expectSameLogits,
  logitsOf,
  python,
  runPython,
  trainedNet,
  unlessSkipped,
} from './export.fixture.ts';
import { decodeHdf5 } from './hdf5/decode.ts';
import { encodeHdf5 } from './hdf5/encode.ts';
import { encodeKeras } from './keras.ts';
import { readKeras } from './read-keras.ts';

const trained = trainedNet(everything, 1);
const file = encodeKeras(trained);

describe('a .h5 file', () => {
  test('any net is read back as it was written', () => {
    fc.assert(
      fc.property(anyNet, fc.nat(), (net, seed) => {
        const { weights, ...description } = trainedNet(net, seed);
        const found = readKeras(encodeKeras({ weights, ...description }));
        expect(found).toEqual({ weights, description });
      }),
      { numRuns: 50 },
    );
  });

  test('is the same every time, in whatever order the weights are given', () => {
    const weights = trainedWeights(everything, 1).reverse();
    expect(Buffer.compare(encodeKeras({ ...trained, weights }), file)).toBe(0);
  });

  test('weights that are not the net’s are refused', () => {
    expect(() => encodeKeras({ ...trained, weights: trained.weights.slice(1) })).toThrow('lack whiten/kernel');
  });
});

describe('a damaged .h5 file is an error that names the problem', () => {
  test('cut off anywhere', () => {
    fc.assert(
      fc.property(fc.nat(file.length - 1), (length) => {
        expect(() => readKeras(file.subarray(0, length))).toThrow(UserError);
      }),
    );
  });

  test('a bit flipped anywhere is noticed, unless it changes nothing', () => {
    fc.assert(
      fc.property(fc.nat(8 * file.length - 1), (bit) => {
        const flipped = Uint8Array.from(file);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        try {
          expect(readKeras(flipped).weights).toEqual(trained.weights);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a changed weight is noticed', () => {
    const changed = Buffer.from(file);
    const kernel = trained.weights.find(({ name }) => name === 'conv1/kernel')!;
    const at = changed.indexOf(Buffer.from(kernel.data.buffer));
    changed[at]! ^= 1;
    expect(() => readKeras(changed)).toThrow('do not match the digest in its attribute weights_sha256');
  });

  test.each([
    ['no HDF5', Buffer.from('PK\x03\x04 a .keras file'), 'it does not begin with the signature of HDF5'],
    ['no model', encodeHdf5({ attributes: new Map(), children: new Map() }), 'no group model_weights'],
    [
      'no weights',
      encodeHdf5({
        attributes: new Map(),
        children: new Map([['model_weights', { attributes: new Map(), children: new Map() }]]),
      }),
      'without weights',
    ],
    ['a weight missing', without(file, 'conv1'), 'it has no weights of layer conv1'],
  ])('%s', (_, bytes, problem) => {
    expect(() => readKeras(bytes)).toThrow(problem);
  });
});

describe.skipIf(python === undefined)(`Keras ${unlessSkipped}`, () => {
  test('returns the logits of the engine, for every net', async () => {
    await expectSameLogits(
      exampleNets(),
      encodeKeras,
      `
import keras
def answer(file, images):
  with open(file, 'rb') as model: data = model.read()
  with open(file + '.h5', 'wb') as model: model.write(data)
  return keras.models.load_model(file + '.h5').predict(images.astype('float32'), verbose=0), {}
`,
    );
  });

  test.each([everything, everythingBranched])('saves what it loaded, unchanged: $name', async (net) => {
    const { weights } = trainedNet(net, 1);
    const program = `
import sys, keras
model = keras.models.load_model(sys.argv[1] + '/ours.h5')
model.compile(optimizer='adam', loss='mse')
model.save(sys.argv[1] + '/same.h5')
conv = model.get_layer('conv1')
conv.set_weights([2 * conv.get_weights()[0]])
model.save(sys.argv[1] + '/changed.h5')
`;
    await inFolder(async (folder) => {
      await writeFile(path.join(folder, 'ours.h5'), encodeKeras(trainedNet(net, 1)));
      runPython(program, [folder]);
      const same = readKeras(await readFile(path.join(folder, 'same.h5')));
      expect(byName(same.weights)).toEqual(byName(weights));
      expect(same.description).toBeUndefined();
      const doubled = weights.map(({ name, shape, data }) =>
        name === 'conv1/kernel' ? { name, shape, data: data.map((value) => 2 * value) } : { name, shape, data },
      );
      const changed = readKeras(await readFile(path.join(folder, 'changed.h5')));
      expect(byName(changed.weights)).toEqual(byName(doubled));
    });
  });

  test.each([everything, everythingBranched, awkward])(
    'what it trains for a step gives the same logits here: $name',
    async (net) => {
      const [count, trained] = [6, trainedNet(net, 1)];
      const { images } = noiseBatch(net, count, 3);
      const program = `
import sys, json, keras, numpy as np
folder, shape, classes = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
images = np.fromfile(folder + '/images', np.uint8).reshape(shape).astype('float32')
model = keras.models.load_model(folder + '/ours.h5')
model.compile('sgd', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(images, np.arange(len(images)) % classes, batch_size=len(images), verbose=0)
model.save(folder + '/trained.h5')
print(json.dumps(model.predict(images, verbose=0).astype(float).ravel().tolist()))
`;
      await inFolder(async (folder) => {
        await writeFile(path.join(folder, 'ours.h5'), encodeKeras(trained));
        await writeFile(path.join(folder, 'images'), images);
        const shape = JSON.stringify([count, ...net.input]);
        const printed = runPython(program, [folder, shape, String(net.classes)], 'jax');
        const { weights } = readKeras(await readFile(path.join(folder, 'trained.h5')));
        expect(byName(weights).map(({ name }) => name)).toEqual(byName(trained.weights).map(({ name }) => name));
        const changed = weights.filter(({ name, data }) =>
          data.some((value, at) => value !== trained.weights.find((each) => each.name === name)!.data[at]),
        );
        expect(changed.map(({ name }) => name)).toContain(
          trained.weights.findLast(({ name }) => name.endsWith('/kernel'))!.name,
        );
        expectClose(JSON.parse(printed.trim()), await logitsOf(net, weights, images));
      });
    },
  );
});

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-keras-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Keras saves the layers of a graph in an order of its own. */
function byName(weights: readonly NamedTensor[]): readonly NamedTensor[] {
  return weights.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The file without a layer's group. */
function without(bytes: Uint8Array, layer: string): Uint8Array {
  const root = decodeHdf5(bytes);
  const saved = root.children.get('model_weights');
  if (saved === undefined || !('children' in saved)) throw new TypeError('no group');
  const children = new Map([...saved.children].filter(([name]) => name !== layer));
  return encodeHdf5({ ...root, children: new Map([['model_weights', { ...saved, children }]]) });
}
