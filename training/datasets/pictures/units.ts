/**
 * Joins what belongs together: near duplicates, and pictures of one group of the place.
 *
 * @param likes a number for each picture, the same for near duplicates
 * @returns a number for each picture; two have the same one if a chain of duplicates and groups leads from one to the other
 */
export function unitsOf(pictures: readonly { readonly group?: string }[], likes: readonly number[]): number[] {
  const parent = pictures.map((_, index) => index);
  const rootOf = (index: number): number => {
    let root = index;
    while (parent[root] !== root) root = parent[root]!;
    for (let at = index; at !== root; ) [at, parent[at]] = [parent[at]!, root];
    return root;
  };
  const join = (one: number, other: number) => {
    parent[rootOf(one)] = rootOf(other);
  };
  const firstOfGroup = new Map<string, number>();
  for (const [index, { group }] of pictures.entries()) {
    join(index, likes[index]!);
    if (group === undefined) continue;
    const first = firstOfGroup.get(group);
    if (first === undefined) firstOfGroup.set(group, index);
    else join(index, first);
  }
  return pictures.map((_, index) => rootOf(index));
}
