import type { Recipe } from './recipes.ts';

type Sizes = Pick<Recipe, 'resolutions'>;

/**
 * The sizes that a run trains on, one after the other, each for an equal share of its steps.
 *
 * @param side of the images, in pixels: what the last number of the setting stands for
 */
export function sidesOf({ resolutions }: Sizes, side: number): readonly number[] {
  if (resolutions === 'whole') return [side];
  const whole = resolutions.at(-1)!;
  return resolutions.map((each) => Math.round((each * side) / whole));
}

/** The share of a run that a step is in, of so many equal ones. @param step from 0 to `steps - 1` */
export function shareAt(step: number, steps: number, shares: number): number {
  return Math.floor((step * shares) / steps);
}

/** The sizes below that of the images, each once. */
export function reducedSides(sizes: Sizes, side: number): number[] {
  return [...new Set(sidesOf(sizes, side))].filter((each) => each < side);
}

/** The size that a step reduces its images to. @returns in pixels; `undefined` for that of the images */
export function resolutionAt(sizes: Sizes, side: number, step: number, steps: number): number | undefined {
  const sides = sidesOf(sizes, side);
  const at = sides[shareAt(step, steps, sides.length)]!;
  return at < side ? at : undefined;
}
