/** How fast a run trains. */
export interface Pace {
  /** @param seconds that a step took */
  add(seconds: number): void;
  /** Infinity before the first step. */
  secondsPerStep(): number;
  imagesPerSecond(): number;
}

/** Smooths the time of a step over about ten steps. The first one, in which kernels are chosen, is not counted. */
export function openPace(batchSize: number): Pace {
  let steps = 0;
  let smoothed = Number.POSITIVE_INFINITY;
  return {
    add(seconds) {
      smoothed = steps < 2 ? seconds : 0.9 * smoothed + 0.1 * seconds;
      steps++;
    },
    secondsPerStep: () => smoothed,
    imagesPerSecond: () => batchSize / smoothed,
  };
}
