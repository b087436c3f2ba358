/** How fast a run trains. */
export interface Pace {
  /**
   * @param seconds that a step took
   * @param work that it was (`work.ts`). @default 1
   */
  add(seconds: number, work?: number): void;
  /** Of a step that is one unit of work. Infinity before the first step. */
  secondsPerStep(): number;
  /** Of steps like the last one. */
  imagesPerSecond(): number;
}

/** Smooths the time of a step over about ten steps. The first one, in which kernels are chosen, is not counted. */
export function openPace(batchSize: number): Pace {
  let steps = 0;
  let smoothed = Number.POSITIVE_INFINITY;
  let last = 1;
  return {
    add(seconds, work = 1) {
      smoothed = steps < 2 ? seconds / work : 0.9 * smoothed + 0.1 * (seconds / work);
      last = work;
      steps++;
    },
    secondsPerStep: () => smoothed,
    imagesPerSecond: () => batchSize / (smoothed * last),
  };
}
