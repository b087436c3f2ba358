import { DisjointSets } from './disjoint-sets.ts';

/**
 * Joins what belongs together: near duplicates, and pictures of one group of the place.
 *
 * @param likes a number for each picture, the same for near duplicates: the index of one of them
 * @returns a number for each picture; two have the same one if a chain of duplicates and groups leads from one to the other
 */
export function unitsOf(pictures: readonly { readonly group?: string }[], likes: readonly number[]): number[] {
  const sets = new DisjointSets(pictures.length);
  const firstOfGroup = new Map<string, number>();
  for (const [index, { group }] of pictures.entries()) {
    sets.join(index, likes[index]!);
    if (group === undefined) continue;
    const first = firstOfGroup.get(group);
    if (first === undefined) firstOfGroup.set(group, index);
    else sets.join(index, first);
  }
  return pictures.map((_, index) => sets.rootOf(index));
}
