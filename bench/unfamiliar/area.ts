/** Scores of pictures, higher where they are less like the classes. */
export interface Scores {
  readonly score: Float64Array;
  /** The two parts of it alone. */
  readonly energy: Float64Array;
  readonly texture: Float64Array;
}

export type Area = Readonly<Record<keyof Scores, number>>;

/** AUROC: the probability that another picture has a higher score than a familiar one. */
export function areaOver(familiar: Scores, others: Scores): Area {
  const of = (part: keyof Scores) => rankSum(familiar[part], others[part]);
  return { score: of('score'), energy: of('energy'), texture: of('texture') };
}

/** The Mann-Whitney statistic as a share, equal scores counting half: counted by ranks, not along a curve as the report does. */
export function rankSum(low: Float64Array, high: Float64Array): number {
  const sorted = low.toSorted();
  let wins = 0;
  for (const value of high) wins += (firstNotBelow(sorted, value) + firstAbove(sorted, value)) / 2;
  return wins / low.length / high.length;
}

function firstNotBelow(sorted: Float64Array, value: number): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]! < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

function firstAbove(sorted: Float64Array, value: number): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]! <= value) from = middle + 1;
    else to = middle;
  }
  return from;
}
