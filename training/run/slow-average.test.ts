import { describe, expect, test } from 'vitest';
import { recipes } from '../recipe/recipes.ts';
import { newProgress } from './progress.ts';
import { countUpdate, slowUpdateAfter } from './slow-average.ts';

type Settings = Parameters<typeof slowUpdateAfter>[0];

/** What follows each of so many steps, as the run counts them. */
function updatesOf(changes: Partial<Settings>, steps: number) {
  const settings: Settings = { ...recipes.seed, ...changes };
  const progress = newProgress(steps);
  return Array.from({ length: steps }, (_, index) => {
    const update = slowUpdateAfter(settings, { step: index + 1, steps, averaged: progress.averaged ?? 0 });
    countUpdate(progress, settings, update);
    return update.lookahead ?? update.average;
  });
}

describe('the slow average', () => {
  test('is not touched where no setting asks for one', () => {
    expect(updatesOf({}, 4)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('of lookahead keeps a share that grows with the cube of the progress, or a fixed one', () => {
    const at = (step: number) => 0.95 ** 2 * (step / 4) ** 3;
    expect(updatesOf({ lookahead: 2 }, 4)).toEqual([undefined, at(2), undefined, at(4)]);
    expect(updatesOf({ lookahead: 2, lookaheadDecay: 0.5 }, 4)).toEqual([undefined, 0.5, undefined, 0.5]);
  });

  test('of an averaged tail begins at the weights', () => {
    const tail = { lookahead: 2, lookaheadDecay: 0.7, lookaheadLast: 0.5 };
    const none = undefined;
    expect(updatesOf(tail, 10)).toEqual([none, none, none, none, none, 0, none, 0.7, none, 0.7]);
  });

  test('of the last share of the steps is their plain mean', () => {
    expect(updatesOf({ averageLast: 0.5 }, 6)).toEqual([undefined, undefined, undefined, 0, 1 / 2, 2 / 3]);
    expect(updatesOf({ averageLast: 0.01 }, 3), 'one step at least').toEqual([undefined, undefined, 0]);
  });

  test('or forgets exponentially', () => {
    expect(updatesOf({ averageLast: 1, averageDecay: 0.9 }, 3)).toEqual([0, 0.9, 0.9]);
  });
});
