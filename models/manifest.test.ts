import { describe, expect, it } from 'vitest';
import { manifestOf } from './manifest.ts';

const file = (text: string) => new TextEncoder().encode(text);

describe('a manifest', () => {
  it('has the digest that a shell computes', () => {
    // printf a > a; printf b > 'b/c'; sha256sum a b/c | sha256sum
    const { tree, files } = manifestOf(
      new Map([
        ['b/c', file('b')],
        ['a', file('a')],
      ]),
    );
    expect(files.map(({ path, size }) => [path, size])).toEqual([
      ['a', 1],
      ['b/c', 1],
    ]);
    expect(tree).toBe('98770cf8c0928e81ad16d0e0a060c4783403c867ae15265225e316718deeedc9');
  });

  it('does not depend on the order of the files, and does on their names and bytes', () => {
    const trees = [
      [
        ['a', '1'],
        ['b', '2'],
      ],
      [
        ['b', '2'],
        ['a', '1'],
      ],
      [
        ['a', '2'],
        ['b', '1'],
      ],
      [
        ['a', '1'],
        ['c', '2'],
      ],
      [
        ['a', '1'],
        ['b', '2'],
        ['c', ''],
      ],
    ].map((files) => manifestOf(new Map(files.map(([path = '', text = '']) => [path, file(text)]))).tree);
    expect(trees[0]).toBe(trees[1]);
    expect(new Set(trees).size).toBe(4);
  });
});
