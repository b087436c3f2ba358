import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors, InvalidSafetensors, type Tensor } from './safetensors.ts';
import { sizeOf } from './size-of.ts';

const tensor = (name: string, shape: number[], values: number[]): Tensor => ({
  name,
  shape,
  data: Float32Array.from(values),
});

const tensors = fc
  .uniqueArray(
    fc.string().filter((name) => name !== '__metadata__'),
    { maxLength: 5 },
  )
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }).chain((shape) => {
          const size = sizeOf(shape);
          return fc.float32Array({ minLength: size, maxLength: size }).map((data): Tensor => ({ name, shape, data }));
        }),
      ),
    ),
  );
const files = fc.record({ tensors, metadata: fc.dictionary(fc.string(), fc.string()) });

/** A file with this header in front of this data. */
function fileOf(header: string, data = new Uint8Array()): Uint8Array {
  const json = new TextEncoder().encode(header);
  const file = Buffer.alloc(8 + json.length + data.length);
  file.writeBigUInt64LE(BigInt(json.length));
  file.set(json, 8);
  file.set(data, 8 + json.length);
  return file;
}

const byName = (some: readonly Tensor[]) => new Map(some.map(({ name, ...rest }) => [name, rest]));

describe('safetensors', () => {
  it('gives back what was written, NaN, -0 and the empty tensor included', () => {
    fc.assert(
      fc.property(files, (file) => {
        const decoded = decodeSafetensors(encodeSafetensors(file));
        expect(byName(decoded.tensors)).toEqual(byName(file.tensors));
        expect({ ...decoded.metadata }).toEqual({ ...file.metadata });
      }),
    );
  });

  it('takes any name, those that JavaScript has a meaning for included', () => {
    const names = ['__proto__', 'constructor', 'toString', ''];
    const metadata = Object.fromEntries(names.map((name) => [name, name]));
    const file = { tensors: names.map((name) => tensor(name, [1], [name.length])), metadata };
    expect(decodeSafetensors(encodeSafetensors(file))).toEqual(file);
  });

  it('is the published format, byte by byte', () => {
    const file = encodeSafetensors({ tensors: [tensor('w', [2], [1, -2])] });
    const header = '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  ';
    expect(Buffer.from(file).toString('latin1', 8, 8 + header.length)).toBe(header);
    expect(Buffer.from(file).readBigUInt64LE()).toBe(BigInt(header.length));
    expect([...file.slice(8 + header.length)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  });

  it('reads from the middle of a larger buffer, and shares no memory with it', () => {
    const file = encodeSafetensors({ tensors: [tensor('w', [1], [5])] });
    const pool = Buffer.alloc(file.length + 3);
    pool.set(file, 3);
    const { tensors } = decodeSafetensors(pool.subarray(3));
    pool.fill(0);
    expect(tensors).toEqual([tensor('w', [1], [5])]);
  });

  it('refuses a file that was cut off anywhere', () => {
    const file = encodeSafetensors({ tensors: [tensor('a', [2, 3], [1, 2, 3, 4, 5, 6]), tensor('b', [1], [7])] });
    for (let length = 0; length < file.length; length++) {
      expect(() => decodeSafetensors(file.subarray(0, length)), `${length} bytes`).toThrow(InvalidSafetensors);
    }
  });

  it('reads or refuses, but never fails otherwise, whatever a bit flips to', () => {
    const file = encodeSafetensors({ tensors: [tensor('w', [2, 2], [1, 2, 3, 4])], metadata: { step: '7' } });
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const tampered = file.slice();
        tampered[at] = (tampered[at] ?? 0) ^ mask;
        try {
          decodeSafetensors(tampered);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidSafetensors);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['a header longer than the file', Buffer.from('ffffffffffffff7f7b7d', 'hex'), 'is said to have'],
    ['a header that is no JSON', fileOf('{"w":'), 'not JSON'],
    ['a header that is no object', fileOf('[]'), 'not JSON'],
    ['bytes after the last tensor', fileOf('{}', new Uint8Array(4)), 'the file has 4'],
    ['a gap', fileOf('{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', new Uint8Array(8)), 'begins at byte 4'],
    [
      'an overlap',
      fileOf(
        '{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        new Uint8Array(8),
      ),
      'begins at byte 4',
    ],
    [
      'a shape of another size',
      fileOf('{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', new Uint8Array(8)),
      'has 8 bytes',
    ],
    [
      'a negative dimension',
      fileOf('{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}', new Uint8Array(8)),
      'the entry of "w"',
    ],
    ['another type', fileOf('{"w":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}', new Uint8Array(8)), 'type BF16'],
  ])('refuses %s', (_what, file, message) => {
    expect(() => decodeSafetensors(file)).toThrow(message);
  });

  it('does not write what it could not read', () => {
    expect(() => encodeSafetensors({ tensors: [tensor('w', [2], [1])] })).toThrow('1 values for shape [2]');
    expect(() => encodeSafetensors({ tensors: [tensor('w', [1], [1]), tensor('w', [1], [1])] })).toThrow('is taken');
    expect(() => encodeSafetensors({ tensors: [tensor('__metadata__', [1], [1])] })).toThrow('is taken');
  });
});
