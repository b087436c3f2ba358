import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { countWeights, layerTable } from '../nets/layer-table.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import { anyNet, everything, everythingBranched, noiseBatch, trainedWeights } from '../nets/net.fixture.ts';
import type { Net } from '../nets/net.ts';
import { seedNet } from '../nets/seed.ts';
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
  }, 180_000);

  describe('counts the same parameters, and saves what is read back', () => {
    /** Each with a layer whose weights are doubled. */
    const cases = [
      { net: everything, layer: 'conv1' },
      { net: everythingBranched, layer: 'conv1' },
      { net: awkward, layer: 'logits' },
    ];
    const images = (net: Net) => noiseBatch(net, 6, 3).images;
    const fileOf = (net: Net, which: string) => path.join(folder, `${net.name}-${which}`);
    const saved = async (net: Net, which: 'same' | 'doubled' | 'trained') =>
      readKeras(await readFile(fileOf(net, `${which}.h5`)));

    let folder: string;
    /** By the name of the net: `[6, classes]`, after training. */
    let logits: Record<string, number[]>;
    /** As Keras's `summary` prints them. */
    let summaries: Record<string, Summary>;
    beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'cifar10-keras-'));
      for (const { net } of cases) {
        await writeFile(fileOf(net, 'ours.h5'), encodeKeras(trainedNet(net, 1)));
        await writeFile(fileOf(net, 'images'), images(net));
      }
      await writeFile(fileOf(seedNet, 'ours.h5'), encodeKeras(trainedNet(seedNet, 1)));
      // In one process: starting Keras takes longer than everything else.
      const program = `
import sys, json, keras, numpy as np
logits, summaries = {}, {}
def summarize(name, model):
  trainable = sum(weight.size for weight in map(np.array, model.trainable_weights))
  layers = {layer.name: [list(layer.output.shape[1:]), layer.count_params()] for layer in model.layers}
  summaries[name] = {'total': model.count_params(), 'trainable': trainable, 'layers': layers}
summarize('seed', keras.models.load_model(f'{sys.argv[1]}/seed-ours.h5'))
for name, layer, shape, classes in json.loads(sys.argv[2]):
  file = lambda which: f'{sys.argv[1]}/{name}-{which}'
  model = keras.models.load_model(file('ours.h5'))
  summarize(name, model)
  model.compile('sgd', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
  model.save(file('same.h5'))
  model.get_layer(layer).set_weights([2 * weight for weight in model.get_layer(layer).get_weights()])
  model.save(file('doubled.h5'))
  images = np.fromfile(file('images'), np.uint8).reshape(shape).astype('float32')
  model.fit(images, np.arange(len(images)) % classes, batch_size=len(images), verbose=0)
  model.save(file('trained.h5'))
  logits[name] = model.predict(images, verbose=0).astype(float).ravel().tolist()
print(json.dumps([logits, summaries]))
`;
      const args = cases.map(({ net, layer }) => [net.name, layer, [6, ...net.input], net.classes]);
      [logits, summaries] = JSON.parse(runPython(program, [folder, JSON.stringify(args)], 'jax'));
    }, 180_000);
    afterAll(() => rm(folder, { recursive: true }));

    test('the layers of the post’s net have the outputs and parameters of its summary', () => {
      const { parameters, trainable } = countWeights(seedNet);
      const { layers, ...sums } = summaries.seed!;
      expect(sums).toEqual({ total: parameters, trainable });
      const rows = layerTable(seedNet).filter((row) => row.parameters > 0);
      expect(rows).toHaveLength(5);
      for (const { name, output, parameters } of rows) expect(layers[name], name).toEqual([output, parameters]);
    });

    test.each(cases)('running statistics are counted with the parameters: $net.name', ({ net }) => {
      const { parameters, statistics } = countWeights(net);
      expect(summaries[net.name]!.total).toBe(parameters + statistics);
    });

    test.each(cases)('the weights that it loaded: $net.name', async ({ net }) => {
      const { weights, description } = await saved(net, 'same');
      expect(byName(weights)).toEqual(byName(trainedNet(net, 1).weights));
      expect(description).toBeUndefined();
    });

    test.each(cases)('weights that were changed: $net.name', async ({ net, layer }) => {
      const expected = trainedNet(net, 1).weights.map(({ name, shape, data }) =>
        name.startsWith(`${layer}/`) ? { name, shape, data: data.map((value) => 2 * value) } : { name, shape, data },
      );
      expect(byName((await saved(net, 'doubled')).weights)).toEqual(byName(expected));
    });

    test.each(cases)('what a step trained, which gives the same logits here: $net.name', async ({ net, layer }) => {
      const { weights } = await saved(net, 'trained');
      const [before] = (await saved(net, 'doubled')).weights.filter(({ name }) => name === `${layer}/kernel`);
      expect(weights.find(({ name }) => name === `${layer}/kernel`)).not.toEqual(before);
      expectClose(logits[net.name]!, await logitsOf(net, weights, images(net)));
    });
  });
});

interface Summary {
  readonly total: number;
  readonly trainable: number;
  /** Output and parameters of each layer, by its name. */
  readonly layers: Readonly<Record<string, [output: number[], parameters: number]>>;
}

/** Keras saves the layers of a graph by their distance to the output. */
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
