/** Numbers from 0 that are joined to sets, two at a time. */
export class DisjointSets {
  readonly #parent: Int32Array;

  constructor(count: number) {
    this.#parent = Int32Array.from({ length: count }, (_, index) => index);
  }

  /** The least number of the set that a number is in. */
  rootOf(index: number): number {
    const parent = this.#parent;
    let root = index;
    while (parent[root] !== root) root = parent[root]!;
    for (let at = index; at !== root; ) [at, parent[at]] = [parent[at]!, root];
    return root;
  }

  areJoined(one: number, other: number): boolean {
    return this.rootOf(one) === this.rootOf(other);
  }

  join(one: number, other: number): void {
    const [low, high] = [this.rootOf(one), this.rootOf(other)].sort((a, b) => a - b);
    this.#parent[high!] = low!;
  }
}
