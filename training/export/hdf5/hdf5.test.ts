import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sizeOf } from '#models/size-of.ts';
import { readersPython } from '#setup/readers.mjs';
import { decodeHdf5, InvalidHdf5 } from './decode.ts';
import { encodeHdf5 } from './encode.ts';
import type { Dataset, Group } from './hdf5.ts';

/** Names and texts end at the first zero. */
const text = fc.string({ unit: 'grapheme', maxLength: 6 }).map((some) => some.replaceAll('\0', ''));
const name = text.filter((some) => some !== '' && some !== '.' && !some.includes('/'));

const dataset: fc.Arbitrary<Dataset> = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }).chain((shape) => {
  const size = sizeOf(shape);
  return fc.float32Array({ minLength: size, maxLength: size }).map((data) => ({ shape, data }));
});

const mapOf = <Value>(value: fc.Arbitrary<Value>, maxLength: number) =>
  fc.uniqueArray(fc.tuple(name, value), { maxLength, selector: ([key]) => key }).map((entries) => new Map(entries));

const { group } = fc.letrec<{ group: Group }>((tie) => ({
  group: fc.record({
    attributes: mapOf(fc.oneof(text, fc.array(text, { maxLength: 3 })), 3),
    children: mapOf(fc.oneof({ depthSize: 'small', withCrossShrink: true }, dataset, tie('group')), 12),
  }),
}));

const example: Group = {
  attributes: new Map([['title', 'an example']]),
  children: new Map<string, Group | Dataset>([
    ['a', { shape: [2, 3], data: Float32Array.from([1, -2, 3, 0.5, Number.NaN, -0]) }],
    ['empty', { attributes: new Map(), children: new Map() }],
    [
      'inner',
      {
        attributes: new Map([['names', ['x', 'yä']]]),
        children: new Map([['b', { shape: [], data: Float32Array.from([7]) }]]),
      },
    ],
  ]),
};

describe('HDF5', () => {
  test('any tree is read back as it was written', () => {
    fc.assert(
      fc.property(group, (root) => {
        expect(decodeHdf5(encodeHdf5(root))).toEqual(root);
      }),
    );
  });

  test('the bytes are the same, in whatever order the children are given', () => {
    const reversed = { ...example, children: new Map([...example.children].reverse()) };
    expect(Buffer.compare(encodeHdf5(example), encodeHdf5(reversed))).toBe(0);
  });

  test('what HDF5 cannot hold is refused', () => {
    const data = new Float32Array(3);
    expect(() => encodeHdf5({ ...example, children: new Map([['a', { shape: [2], data }]]) })).toThrow(
      'a has 3 values for shape [2]',
    );
    expect(() => encodeHdf5({ ...example, attributes: new Map([['long', ['x'.repeat(70_000)]]]) })).toThrow(
      /Attribute long has 70\d+ bytes/,
    );
  });

  test('a text may be longer than a header', () => {
    const long = { ...example, attributes: new Map([['long', 'ü'.repeat(70_000)]]) };
    expect(decodeHdf5(encodeHdf5(long))).toEqual(long);
  });

  test('only the children that are named are read', () => {
    expect([...decodeHdf5(encodeHdf5(example), { only: ['a', 'other'] }).children.keys()]).toEqual(['a']);
  });
});

describe('a damaged file throws InvalidHdf5 or is read; nothing else is thrown', () => {
  const file = encodeHdf5(example);
  const read = (bytes: Uint8Array) => {
    try {
      return decodeHdf5(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidHdf5);
      return undefined;
    }
  };

  test('cut off anywhere', () => {
    for (let length = 0; length < file.length; length++) expect(read(file.subarray(0, length))).toBeUndefined();
  });

  test('any bit flipped', () => {
    for (let bit = 0; bit < 8 * file.length; bit++) {
      const flipped = Uint8Array.from(file);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      read(flipped);
    }
  });

  test('any bytes overwritten', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 255, 96))), {
          minLength: 2,
          maxLength: 40,
        }),
        (writes) => {
          const changed = Uint8Array.from(file);
          for (const [at, value] of writes) changed[at] = value;
          read(changed);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(read(bytes)).toBeUndefined();
        read(Buffer.concat([file.subarray(0, 96), bytes]));
      }),
    );
  });
});

const python = readersPython();
describe.skipIf(python === undefined)('h5py (skipped without `npm run setup -- --with-tests`)', () => {
  let folder: string;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cifar10-hdf5-'));
    file = path.join(folder, 'file.h5');
  });
  afterAll(() => rm(folder, { recursive: true }));

  const h5py = (program: string) => {
    const { status, stdout, stderr } = spawnSync(python!, ['-c', `import h5py, json\n${program}`, file], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    return stdout;
  };

  test('reads our files and writes into them', async () => {
    const many = Array.from({ length: 300 }, (_, index): [string, Dataset] => [
      `array ${index}`,
      { shape: [1], data: Float32Array.from([index]) },
    ]);
    const attributesWithLongText = new Map([...example.attributes, ['long', 'ü'.repeat(70_000)]]);
    await writeFile(
      file,
      encodeHdf5({ attributes: attributesWithLongText, children: new Map([...example.children, ...many]) }),
    );
    const program = `
import sys
with h5py.File(sys.argv[1], 'r+') as f:
  print(f.attrs['title'].decode(), [name.decode() for name in f['inner'].attrs['names']], f['a'][()].tolist(), f['inner/b'][()], list(f['empty']))
  print(all(f[f'array {i}'][0] == i for i in range(300)), len(f), f.attrs['long'] == 'ü' * 70000)
  f['empty']['c'] = f['a'][()]
  f['empty'].attrs['note'] = 'written by h5py'
`;
    expect(h5py(program)).toBe("an example ['x', 'yä'] [[1.0, -2.0, 3.0], [0.5, nan, -0.0]] 7.0 []\nTrue 303 True\n");
    const { attributes, children } = decodeHdf5(await readFile(file)).children.get('empty') as Group;
    expect(attributes.get('note')).toBe('written by h5py');
    expect(children.get('c')).toEqual(example.children.get('a'));
  });

  test('its files are read: deep groups, many children, long texts and other attributes', async () => {
    h5py(`
import sys, numpy as np
with h5py.File(sys.argv[1], 'w') as f:
  f.attrs['long'] = 'ü' * 40000
  f.attrs['number'] = 3
  f.attrs['texts'] = ['a', 'bc']
  f.attrs['nothing'] = h5py.Empty('f')
  for i in range(500):
    f.create_group(f'deep/x/y/z{i}').create_dataset('values', data=np.full((2, 1), i, dtype='<f4'))
`);
    const { attributes, children } = decodeHdf5(await readFile(file));
    expect(attributes).toEqual(
      new Map<string, unknown>([
        ['long', 'ü'.repeat(40_000)],
        ['texts', ['a', 'bc']],
      ]),
    );
    const at = (...names: string[]) =>
      names.reduce<Group | Dataset>((group, each) => (group as Group).children.get(each)!, { attributes, children });
    expect((at('deep', 'x', 'y') as Group).children.size).toBe(500);
    expect(at('deep', 'x', 'y', 'z321', 'values')).toEqual({ shape: [2, 1], data: Float32Array.from([321, 321]) });
  });

  test.each([
    ["f = h5py.File(sys.argv[1], 'w', libver='latest'); f['a'] = np.zeros(3, '<f4')", 'libver="latest"'],
    ["f = h5py.File(sys.argv[1], 'w', track_order=True); f['a'] = np.zeros(3, '<f4')", 'newer format'],
    ["f = h5py.File(sys.argv[1], 'w'); f['a'] = np.zeros(3, '<f8')", '/a is not float32'],
    ["f = h5py.File(sys.argv[1], 'w'); f['a'] = h5py.Empty('<f4')", '/a has no values'],
    [
      "f = h5py.File(sys.argv[1], 'w'); f.create_dataset('a', data=np.zeros(99, '<f4'), compression='gzip')",
      'compressed or chunked',
    ],
    ["f = h5py.File(sys.argv[1], 'w'); f['b/c'] = np.zeros(3, '<f4'); f['a'] = h5py.SoftLink('/b/c')", 'symbolic link'],
  ])('the message names what is not supported: %s', async (program, problem) => {
    h5py(`import sys, numpy as np\n${program}; f.close()`);
    const bytes = await readFile(file);
    expect(() => decodeHdf5(bytes)).toThrow(problem);
    expect(() => decodeHdf5(bytes)).toThrow(InvalidHdf5);
  });
});
