import { style } from '#training/record/report/svg.ts';
import type { RankedGroup, RankedSweep } from '#training/record/sweep/rank-groups.ts';

/** How a group is drawn wherever it is. */
export interface Stroke {
  readonly colour: string;
  readonly dashes: string;
}

/** Told apart by their lightness and dashes, too, where colours are not. At least 3:1 against the paper. */
const strokes: readonly Stroke[] = [
  { colour: style.first, dashes: '' },
  { colour: style.second, dashes: '' },
  { colour: 'var(--third)', dashes: '7 3' },
  { colour: 'var(--fourth)', dashes: '2 3' },
  { colour: 'var(--fifth)', dashes: '10 3 2 3' },
  { colour: 'var(--sixth)', dashes: '4 2' },
];

/** CSS of the colours that the page has not by itself. */
export const furtherColours = `
:root { --third: #0f766e; --fourth: #9333ea; --fifth: #be185d; --sixth: #854d0e; }
@media (prefers-color-scheme: dark) { :root { --third: #2dd4bf; --fourth: #c084fc; --fifth: #f472b6; --sixth: #facc15; } }`;

/** Strokes of the best groups and of the baseline; the others are drawn alike. */
export function strokesOf({ groups, baseline }: RankedSweep): Map<RankedGroup, Stroke> {
  const measured = groups.filter(({ heldOut }) => heldOut !== undefined);
  const best = measured.slice(0, strokes.length);
  if (measured.includes(baseline) && !best.includes(baseline)) best.splice(-1, 1, baseline);
  return new Map(best.map((group, index) => [group, strokes[index]!]));
}
