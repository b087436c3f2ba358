import { percent } from '#models/percent.ts';
import { around } from '#training/record/report/panel.ts';
import { element, escapeXml, fitted, heading, picture, style, text, WIDTH } from '#training/record/report/svg.ts';
import type { RankedGroup, RankedSweep } from '#training/record/sweep/rank-groups.ts';
import type { Stroke } from './colours.ts';
import { differenceOf, meanAndSpread, nameOf } from './words.ts';

/** More are in the table alone. */
const MOST_ROWS = 24;
const [LEFT, RIGHT, TOP, ROW] = [16, WIDTH - 66, 76, 36] as const;
/** Characters of a name that fit into its line. */
const FITTING = 54;

/** A line for each group, the best first: its runs, their mean, and the interval of the mean. */
export function forest(
  { groups, baseline }: RankedSweep,
  strokes: ReadonlyMap<RankedGroup, Stroke>,
): string | undefined {
  const measured = groups.filter((group) => group.heldOut !== undefined);
  if (measured.length === 0) return undefined;
  const shown = measured.slice(0, MOST_ROWS);
  if (!shown.includes(baseline) && measured.includes(baseline)) shown.splice(-1, 1, baseline);
  const [low, high] = around(shown.flatMap(extent), 1);
  const toX = (accuracy: number) => LEFT + ((accuracy - low) / (high - low)) * (RIGHT - LEFT);
  const bottom = TOP + shown.length * ROW;
  const left = measured.length - shown.length;
  const parts = [
    heading('Groups', 'Dots: runs, held-out accuracy. Bar: mean. Line: its 95 % interval.'),
    ...grid(low, high, toX, bottom),
    ...shown.map((group, index) =>
      row(group, { y: TOP + (index + 0.5) * ROW, toX, stroke: strokes.get(group), isBaseline: group === baseline }),
    ),
    ...(left > 0
      ? [
          text(LEFT, bottom + 40, `and ${left.toLocaleString('en')} more, which are in the table`, {
            fill: style.muted,
            'font-size': 11.5,
          }),
        ]
      : []),
  ];
  return picture(bottom + (left > 0 ? 56 : 36), 'Held-out accuracy of the groups', parts);
}

function grid(low: number, high: number, toX: (accuracy: number) => number, bottom: number): string[] {
  const steps = 4;
  return Array.from({ length: steps + 1 }, (_, index) => low + ((high - low) * index) / steps).flatMap(
    (value, index) => [
      element('line', { x1: toX(value), x2: toX(value), y1: TOP - 8, y2: bottom, stroke: style.line }),
      text(toX(value), bottom + 18, `${Number((100 * value).toPrecision(4))} %`, {
        'text-anchor': index === 0 ? 'start' : 'middle',
        fill: style.muted,
        'font-size': 11,
      }),
    ],
  );
}

interface Row {
  /** The middle of the line. */
  readonly y: number;
  readonly toX: (accuracy: number) => number;
  readonly stroke: Stroke | undefined;
  readonly isBaseline: boolean;
}

function row(group: RankedGroup, { y, toX, stroke, isBaseline }: Row): string {
  const { mean, interval95 } = group.heldOut!;
  const colour = stroke?.colour ?? style.muted;
  const mark = isBaseline ? ' (baseline)' : '';
  const name = `${fitted(`${group.rank}. ${nameOf(group)}`, FITTING - mark.length)}${mark}`;
  const line = y + 6;
  const parts = [
    element('title', {}, tooltip(group)),
    text(LEFT, y - 5, name, { 'font-size': 11.5 }),
    text(WIDTH - 12, line + 4, percent(mean), { 'text-anchor': 'end', 'font-size': 11.5 }),
  ];
  if (interval95) {
    const [from, to] = interval95.map((end) => Math.max(LEFT, Math.min(RIGHT, toX(end))));
    parts.push(element('line', { x1: from!, x2: to!, y1: line, y2: line, stroke: colour, 'stroke-width': 2 }));
  }
  for (const accuracy of accuraciesOf(group)) {
    parts.push(element('circle', { cx: toX(accuracy), cy: line, r: 3, fill: colour, 'fill-opacity': 0.55 }));
  }
  parts.push(element('rect', { x: toX(mean) - 1.5, y: line - 6, width: 3, height: 12, fill: colour }));
  return element('g', {}, parts.join(''));
}

function tooltip(group: RankedGroup): string {
  const { againstBest } = group;
  return escapeXml(
    `${nameOf(group)}: ${meanAndSpread(group.heldOut!)}${againstBest ? `, against the best ${differenceOf(againstBest)}` : ''}`,
  );
}

function accuraciesOf({ runs }: RankedGroup): number[] {
  return runs.flatMap(({ result }) => result?.heldOut?.accuracy ?? []);
}

/** What a line shows: an interval from two runs may be wider than all else, and is cut. */
function extent(group: RankedGroup): number[] {
  const { mean, interval95, deviation = 0 } = group.heldOut!;
  const most = 4 * deviation;
  const ends = (interval95 ?? []).map((end) => Math.max(mean - most, Math.min(mean + most, end)));
  return [...accuraciesOf(group), ...ends.map((end) => Math.max(0, Math.min(1, end)))];
}
