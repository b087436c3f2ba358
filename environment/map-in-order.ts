/**
 * Works on several items at a time, and yields the results in the order of the items. Holds no more than so many items and
 * results, however many there are.
 */
export async function* mapInOrder<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  parallel: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<readonly [Item, Result]> {
  const running: { readonly item: Item; readonly result: Promise<Result> }[] = [];
  for await (const item of items) {
    const result = work(item);
    result.catch(() => {}); // Thrown when its turn comes.
    running.push({ item, result });
    if (running.length === parallel) yield await settled(running.shift()!);
  }
  for (const each of running) yield await settled(each);
}

async function settled<Item, Result>({
  item,
  result,
}: {
  readonly item: Item;
  readonly result: Promise<Result>;
}): Promise<readonly [Item, Result]> {
  return [item, await result];
}
