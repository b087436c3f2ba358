import { describe, expect, it } from 'vitest';
import type { Part } from './object-store.ts';
import { bytesOf, MOST_PARTS, type UploadGroup, uploadGroups } from './upload-groups.ts';

const MIB = 2 ** 20;
const header = new Uint8Array(30);
const partsOf = (group: UploadGroup): readonly Part[] => ('copied' in group ? [group.copied] : group.sent);
const objects = (count: number, size: (index: number) => number): Part[] =>
  Array.from({ length: count }, (_, index) => ({ key: `rows/${index}`, size: size(index) }));

describe('the parts of an upload', () => {
  it.each([
    ['few small objects', [header, ...objects(3, () => 1000)]],
    ['many small objects', [header, ...objects(50_000, () => 3 * MIB)]],
    ['more objects of the size that S3 may copy than it takes parts', [header, ...objects(25_000, () => 6 * MIB)]],
    ['large objects between smaller ones', objects(20_000, (index) => (index % 2 === 0 ? 40 : 5) * MIB)],
    ['empty objects among large ones', objects(9, (index) => (index % 3) * 9 * MIB)],
  ])('of %s are all of them in their order, and what S3 takes', (_, parts) => {
    const groups = [...uploadGroups(parts)];

    expect(groups.flatMap(partsOf)).toEqual(parts);
    expect(groups.length).toBeLessThanOrEqual(MOST_PARTS);
    for (const group of groups.slice(0, -1)) expect(bytesOf(partsOf(group))).toBeGreaterThanOrEqual(5 * MIB);
  });

  it('copies large objects, and sends small ones together', () => {
    const large = { key: 'rows/large', size: 90 * MIB };
    const small = { key: 'rows/small', size: 6 * MIB };
    expect([...uploadGroups([large, small, large, header])]).toEqual([
      { copied: large },
      { sent: [small] },
      { copied: large },
      { sent: [header] },
    ]);
  });
});
