import type { HistoryRow } from '../history.ts';
import { element, picture, style, text } from './svg.ts';

export interface Curves {
  readonly title: string;
  readonly history: readonly HistoryRow[];
  /** On the test set, fractions in [0, 1]. */
  readonly test: { readonly plain: number };
}

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Series {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly Point[];
  /** A mark on each point, where there are few. */
  readonly isDotted: boolean;
}

interface Panel {
  readonly title: string;
  readonly series: readonly Series[];
  readonly epochs: number;
  /** Of the vertical axis. */
  readonly range: readonly [number, number];
  readonly label: (value: number) => string;
  /** A level line across, with its name. */
  readonly level?: { readonly name: string; readonly value: number };
}

const [WIDTH, HEIGHT] = [980, 400];

/** Loss and accuracy over the epochs, side by side. */
export function curves({ title, history, test }: Curves): string {
  const epochs = history.at(-1)?.epoch ?? 1;
  const validated = history.flatMap(({ epoch, validation }) => (validation ? [{ epoch, ...validation }] : []));
  const training = history.map(({ epoch, loss }) => ({ x: epoch, y: loss }));
  const heldOutLoss = validated.map(({ epoch, loss }) => ({ x: epoch, y: loss }));
  const heldOutAccuracy = validated.map(({ epoch, accuracy }) => ({ x: epoch, y: accuracy }));
  const percent = (value: number) => `${Math.round(100 * value)} %`;

  const loss: Panel = {
    title: 'Loss',
    epochs,
    range: around([...training, ...heldOutLoss].map(({ y }) => y)),
    label: (value) => String(Math.round(100 * value) / 100),
    series: [
      { name: 'training, as optimised', colour: style.first, points: training, isDotted: false },
      { name: 'held out', colour: style.second, points: heldOutLoss, isDotted: true },
    ],
  };
  const accuracy: Panel = {
    title: 'Accuracy',
    epochs,
    range: around([...heldOutAccuracy.map(({ y }) => y), test.plain], 1),
    label: percent,
    series: [{ name: 'held out', colour: style.second, points: heldOutAccuracy, isDotted: true }],
    level: { name: `test ${(100 * test.plain).toFixed(2)} %`, value: test.plain },
  };
  return picture(WIDTH, HEIGHT, `${title}: loss and accuracy over the epochs`, [panel(loss, 60), panel(accuracy, 560)]);
}

function panel({ title, series, epochs, range, label, level }: Panel, left: number): string {
  const [top, width, height] = [70, 390, 270];
  const [low, high] = range;
  const toX = (x: number) => left + (x / epochs) * width;
  const toY = (y: number) => top + height - ((y - low) / (high - low)) * height;
  const parts = [text(left, 32, title, { 'font-size': 18, 'font-weight': 600 })];

  for (const value of ticks(low, high)) {
    parts.push(
      element('line', { x1: left, x2: left + width, y1: toY(value), y2: toY(value), stroke: style.line }),
      text(left - 8, toY(value) + 4, label(value), { 'text-anchor': 'end', fill: style.muted, 'font-size': 12 }),
    );
  }
  for (const value of ticks(0, epochs)) {
    parts.push(
      text(toX(value), top + height + 20, String(value), {
        'text-anchor': 'middle',
        fill: style.muted,
        'font-size': 12,
      }),
    );
  }
  parts.push(
    element('line', { x1: left, x2: left + width, y1: top + height, y2: top + height, stroke: style.muted }),
    text(left + width / 2, top + height + 42, 'epochs', { 'text-anchor': 'middle', fill: style.muted }),
  );

  let legend = left;
  const name = (colour: string, words: string, dashes = '') => {
    parts.push(
      element('line', {
        x1: legend,
        x2: legend + 18,
        y1: 51,
        y2: 51,
        stroke: colour,
        'stroke-width': 2.5,
        ...(dashes && { 'stroke-dasharray': dashes }),
      }),
      text(legend + 24, 55, words, { fill: style.muted }),
    );
    legend += 44 + 7 * words.length;
  };
  for (const { name: words, colour, points, isDotted } of series) {
    if (points.length === 0) continue;
    name(colour, words);
    const path = points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`);
    parts.push(
      element('path', {
        d: path.join(''),
        fill: 'none',
        stroke: colour,
        'stroke-width': 2,
        'stroke-linejoin': 'round',
      }),
    );
    if (!isDotted || points.length > 40) continue;
    for (const { x, y } of points) parts.push(element('circle', { cx: toX(x), cy: toY(y), r: 3.5, fill: colour }));
  }
  if (level) {
    const y = toY(level.value);
    name(style.ink, level.name, '5 4');
    parts.push(
      element('line', { x1: left, x2: left + width, y1: y, y2: y, stroke: style.ink, 'stroke-dasharray': '5 4' }),
    );
  }
  return parts.join('\n');
}

/** A range that shows all values, with ends at round numbers. */
function around(values: readonly number[], limit = Number.POSITIVE_INFINITY): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = roundStep(Math.max(high - low, 0.1));
  return [Math.max(0, Math.floor(low / step - 1e-9) * step), Math.min(limit, Math.ceil(high / step + 1e-9) * step)];
}

/** Four to eight round numbers from `low` to `high`. */
function ticks(low: number, high: number): number[] {
  const step = roundStep(high - low);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor((high - first * step) / step + 1e-9) + 1;
  // Multiplied, not added up: 0.30000000000000004 is no label.
  return Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(6)));
}

function roundStep(range: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(range / 4));
  const factor = range / 4 / magnitude;
  return magnitude * (factor < 2 ? 1 : factor < 5 ? 2 : 5);
}
