/** Works on several items at a time, and yields the results in the order of the items. */
export async function* mapInOrder<Item, Result>(
  items: readonly Item[],
  parallel: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<readonly [Item, Result]> {
  const running: Promise<Result>[] = [];
  for (let index = 0; index < items.length; index++) {
    while (running.length < Math.min(items.length, index + parallel)) {
      const next = work(items[running.length]!);
      next.catch(() => {}); // Thrown when its turn comes.
      running.push(next);
    }
    yield [items[index]!, await running[index]!];
  }
}
