import { multiplicationsOfImage } from '../nets/multiplications.ts';
import type { Net } from '../nets/net.ts';
import { resizedNet } from '../nets/shapes.ts';
import type { Recipe } from '../recipe/recipes.ts';
import { shareAt, sidesOf } from '../recipe/resolutions.ts';

/**
 * How much work steps are. The unit is a step on images of their whole size; one on smaller images is as much of it as its
 * convolutions and dense layers multiply less: 0.52 at 24 pixels and 0.76 at 28 for airbench's net of widths 64/256/256.
 */
export interface Work {
  /** Whether all steps are on images of their whole size, each a unit of work. */
  readonly isWhole: boolean;
  /** Of a step of a run of so many steps. */
  of(step: number, steps: number): number;
  /** Of the steps of a run from this one on. */
  from(step: number, steps: number): number;
  /** The longest run that has at most so much work from this step on; at least one step more. @returns steps of the whole run */
  stepsWithin(step: number, work: number): number;
}

export function workOf(net: Net, recipe: Pick<Recipe, 'resolutions'>): Work {
  const [side] = net.input;
  const whole = multiplicationsOfImage(net);
  const shares = sidesOf(recipe, side).map((each) =>
    each < side ? multiplicationsOfImage(resizedNet(net, each)) / whole : 1,
  );
  const from = (step: number, steps: number) =>
    shares.reduce((sum, work, index) => {
      const first = Math.ceil((index * steps) / shares.length);
      const end = Math.ceil(((index + 1) * steps) / shares.length);
      return sum + work * Math.max(0, end - Math.max(first, step));
    }, 0);
  return {
    isWhole: shares.every((work) => work === 1),
    of: (step, steps) => shares[shareAt(step, steps, shares.length)]!,
    from,
    stepsWithin(step, work) {
      let [fits, exceeds] = [step + 1, step + 2 + Math.max(0, Math.floor(work / Math.min(...shares)))];
      while (exceeds - fits > 1) {
        const middle = Math.floor((fits + exceeds) / 2);
        if (from(step, middle) <= work) fits = middle;
        else exceeds = middle;
      }
      return fits;
    },
  };
}
