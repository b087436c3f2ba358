import { element, heading, picture, style, text, WIDTH } from './svg.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly Point[];
  /** Marks each point, if there are at most 40. @default false */
  readonly isDotted?: boolean;
}

export interface Panel {
  readonly title: string;
  readonly explanation: string;
  readonly series: readonly Series[];
  /** The name and the end of the horizontal axis, which starts at 0. */
  readonly across: string;
  readonly end: number;
  /** The range of the vertical axis. */
  readonly range: readonly [low: number, high: number];
  readonly label: (value: number) => string;
  /** A horizontal line, with its name. */
  readonly level?: { readonly name: string; readonly value: number };
}

/** Where lines are drawn in a picture. */
export const area = { left: 52, top: 86, width: WIDTH - 52 - 18, height: 180 } as const;

/** Lines over a horizontal axis. */
export function panel({ title, explanation, series, across, end, range, label, level }: Panel): string {
  const { left, top, width, height } = area;
  const [low, high] = range;
  const toX = (x: number) => left + (x / end) * width;
  const toY = (y: number) => top + height - ((y - low) / (high - low)) * height;
  const shown = series.filter(({ points }) => points.length > 0);
  const parts = [heading(title, explanation), axes({ across, end, range, label })];
  const legend = legendAt(left, 70);
  for (const { name, colour, points, isDotted = false } of shown) {
    parts.push(legend(name, colour), element('path', { d: pathOf(points, toX, toY), ...stroke(colour) }));
    if (!isDotted || points.length > 40) continue;
    for (const { x, y } of points) parts.push(element('circle', { cx: toX(x), cy: toY(y), r: 3, fill: colour }));
  }
  if (level) {
    const y = toY(level.value);
    parts.push(
      legend(level.name, style.ink, '5 4'),
      element('line', { x1: left, x2: left + width, y1: y, y2: y, stroke: style.ink, 'stroke-dasharray': '5 4' }),
    );
  }
  return picture(top + height + 54, `${title}, ${across}`, parts);
}

/** Grid lines with their values, and the horizontal axis. @param height of the area */
export function axes(
  { across, end, range: [low, high], label }: Pick<Panel, 'across' | 'end' | 'range' | 'label'>,
  height: number = area.height,
): string {
  const { left, top, width } = area;
  const small = { fill: style.muted, 'font-size': 11 };
  const parts: string[] = [];
  for (const value of ticks(low, high)) {
    const y = top + height - ((value - low) / (high - low)) * height;
    parts.push(
      element('line', { x1: left, x2: left + width, y1: y, y2: y, stroke: style.line }),
      text(left - 8, y + 4, label(value), { 'text-anchor': 'end', ...small }),
    );
  }
  for (const value of ticks(0, end)) {
    parts.push(
      text(left + (value / end) * width, top + height + 18, String(value), { 'text-anchor': 'middle', ...small }),
    );
  }
  parts.push(
    element('line', { x1: left, x2: left + width, y1: top + height, y2: top + height, stroke: style.muted }),
    text(left + width / 2, top + height + 38, across, { 'text-anchor': 'middle', ...small }),
  );
  return parts.join('\n');
}

/** Names of lines, one after the other. @returns a function that adds one */
export function legendAt(left: number, y: number): (name: string, colour: string, dashes?: string) => string {
  let x = left;
  return (name, colour, dashes = '') => {
    const line = { x1: x, x2: x + 16, y1: y - 4, y2: y - 4, stroke: colour, 'stroke-width': 2.5 };
    const words = text(x + 22, y, name, { fill: style.muted, 'font-size': 11.5 });
    x += 40 + 6.2 * name.length;
    return element('line', { ...line, ...(dashes && { 'stroke-dasharray': dashes }) }) + words;
  };
}

function pathOf(points: readonly Point[], toX: (x: number) => number, toY: (y: number) => number): string {
  return points
    .map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`)
    .join('');
}

function stroke(colour: string) {
  return { fill: 'none', stroke: colour, 'stroke-width': 2, 'stroke-linejoin': 'round' } as const;
}

/** A range that shows all values, with ends at round numbers. */
export function around(values: readonly number[], limit = Number.POSITIVE_INFINITY): [low: number, high: number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = roundStep(Math.max(high - low, 0.1 * Math.abs(high), 1e-9));
  return [Math.max(0, Math.floor(low / step - 1e-9) * step), Math.min(limit, Math.ceil(high / step + 1e-9) * step)];
}

/** Four to eight round numbers from `low` to `high`. */
function ticks(low: number, high: number): number[] {
  const step = roundStep(high - low);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor((high - first * step) / step + 1e-9) + 1;
  // Multiplied, not added up: 0.30000000000000004 is not a readable label.
  return Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(6)));
}

function roundStep(range: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(range / 4));
  const factor = range / 4 / magnitude;
  return magnitude * (factor < 2 ? 1 : factor < 5 ? 2 : 5);
}
