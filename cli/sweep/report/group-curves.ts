import type { CurvePoint } from '#models/plans/sweep-result.ts';
import { area, around, axes, type Point } from '#training/record/report/panel.ts';
import { element, fitted, heading, picture, style, text, WIDTH } from '#training/record/report/svg.ts';
import type { RankedGroup } from '#training/record/sweep/rank-groups.ts';
import type { Stroke } from './colours.ts';
import { nameOf } from './words.ts';

/** Mean, least and greatest value of a group's runs at an epoch. */
interface BandPoint extends Point {
  readonly low: number;
  readonly high: number;
}

interface Measure {
  readonly title: string;
  readonly explanation: string;
  readonly of: (point: CurvePoint) => number;
  readonly label: (value: number) => string;
  /** The most that a value can be. @default no limit */
  readonly limit?: number;
}

const accuracy: Measure = {
  title: 'Accuracy',
  explanation: 'Held out: the mean of a group’s runs, and a band to the extremes.',
  of: ({ heldOut }) => heldOut.accuracy,
  label: (value) => `${Number((100 * value).toPrecision(3))} %`,
  limit: 1,
};

const loss: Measure = {
  title: 'Loss',
  explanation: 'Held out: the mean of a group’s runs, and a band to the extremes.',
  of: ({ heldOut }) => heldOut.loss,
  label: (value) => String(Number(value.toPrecision(3))),
};

/** The curves of all groups over each other: those with a stroke in color, the others thin behind them. */
export function groupCurves(groups: readonly RankedGroup[], strokes: ReadonlyMap<RankedGroup, Stroke>): string[] {
  return [accuracy, loss].flatMap((measure) => curves(measure, groups, strokes) ?? []);
}

function curves(
  { title, explanation, of, label, limit }: Measure,
  groups: readonly RankedGroup[],
  strokes: ReadonlyMap<RankedGroup, Stroke>,
): string | undefined {
  const all = new Map(groups.map((group) => [group, bandOf(group, of)]));
  const drawn = [...all].filter(([, points]) => points.length > 0);
  const named = [...strokes].filter(([group]) => (all.get(group)?.length ?? 0) > 0);
  if (named.length === 0) return undefined;
  const { left, top, width, height } = area;
  const end = Math.max(...drawn.flatMap(([, points]) => points.at(-1)!.x));
  const range = rangeOf(
    named.flatMap(([group]) => all.get(group)!),
    limit,
  );
  const toX = (x: number) => left + (x / end) * width;
  const toY = (y: number) => top + height * (1 - Math.max(0, Math.min(1, (y - range[0]) / (range[1] - range[0]))));
  const path = (points: readonly Point[]) =>
    points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`).join('');
  const others = drawn.filter(([group]) => !strokes.has(group));
  const parts = [heading(title, explanation), axes({ across: 'epochs', end, range, label })];
  for (const [, points] of others) {
    parts.push(element('path', { d: path(points), fill: 'none', stroke: style.muted, 'stroke-opacity': 0.35 }));
  }
  for (const [group, { colour, dashes }] of named.toReversed()) {
    const points = all.get(group)!;
    const band = [
      ...points.map(({ x, high }) => ({ x, y: high })),
      ...points.toReversed().map(({ x, low }) => ({ x, y: low })),
    ];
    parts.push(
      element('path', { d: `${path(band)}Z`, fill: colour, 'fill-opacity': 0.13 }),
      element('path', {
        ...{ d: path(points), fill: 'none', stroke: colour, 'stroke-width': 2, 'stroke-linejoin': 'round' },
        ...(dashes && { 'stroke-dasharray': dashes }),
      }),
    );
    if (points.length > 12) continue;
    for (const { x, y } of points) parts.push(element('circle', { cx: toX(x), cy: toY(y), r: 3, fill: colour }));
  }
  const legendTop = top + height + 62;
  parts.push(...legend(named, others.length, legendTop));
  const lines = named.length + (others.length > 0 ? 1 : 0);
  return picture(legendTop + 18 * (lines - 1) + 16, `${title} of the groups, epochs`, parts);
}

/** A line for each name: names of groups are long. */
function legend(named: readonly (readonly [RankedGroup, Stroke])[], others: number, top: number): string[] {
  const lines = named.map(([group, stroke]) => ({
    name: `${group.rank}. ${nameOf(group)}`,
    ...stroke,
    opacity: 1,
    width: 2.5,
  }));
  if (others > 0) {
    const name = others === 1 ? 'the other group' : `the other ${others.toLocaleString('en')} groups`;
    lines.push({ name, colour: style.muted, dashes: '', opacity: 0.5, width: 1 });
  }
  return lines.flatMap(({ name, colour, dashes, opacity, width }, index) => {
    const y = top + 18 * index;
    const line = {
      x1: 16,
      x2: 44,
      y1: y - 4,
      y2: y - 4,
      stroke: colour,
      'stroke-width': width,
      'stroke-opacity': opacity,
    };
    return [
      element('line', { ...line, ...(dashes && { 'stroke-dasharray': dashes }) }),
      text(52, y, fitted(name, Math.floor((WIDTH - 60) / 6.4)), { fill: style.muted, 'font-size': 11.5 }),
    ];
  });
}

/** The group's runs at the epochs that all of them have. */
function bandOf({ runs }: RankedGroup, of: (point: CurvePoint) => number): BandPoint[] {
  const curves = runs.flatMap(({ result }) => (result && result.curve.length > 0 ? [result.curve] : []));
  const [first, ...others] = curves.map((curve) => new Map(curve.map((point) => [point.epoch.toFixed(6), point])));
  if (first === undefined) return [];
  return [...first].flatMap(([epoch, point]) => {
    const same = others.flatMap((curve) => curve.get(epoch) ?? []);
    const values = [point, ...same].map(of).filter(Number.isFinite);
    if (same.length < others.length || values.length === 0) return [];
    const mean = values.reduce((sum, value) => sum + value / values.length, 0);
    return [{ x: point.epoch, y: mean, low: Math.min(...values), high: Math.max(...values) }];
  });
}

/** What is above or below is drawn at the edge: the first epoch of a bad run would press all else together. */
function rangeOf(points: readonly BandPoint[], limit?: number): [low: number, high: number] {
  return around(
    points.flatMap(({ low, high }) => [low, high]),
    limit,
  );
}
