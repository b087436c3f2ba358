import { element, picture, standalone, style, text } from '#training/record/report/svg.ts';

/** An accuracy that was reached in a time. */
export interface Point {
  /** Such as the name of a recipe. */
  readonly name: string;
  /** Of training. */
  readonly seconds: number;
  /** In [0, 1]; the mean over the seeds. */
  readonly accuracy: number;
  /** Half of the 95 % interval of the mean; absent for a single seed. */
  readonly half?: number;
}

/** Points of one program. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

const WIDTH = 860;
const HEIGHT = 430;
const LEFT = 64;
const RIGHT = WIDTH - 24;
const TOP = 92;
const BOTTOM = HEIGHT - 52;
const COLORS = [style.first, style.second, style.wrong, style.muted];
const LEVELS = [0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 92, 94, 95, 96, 97, 98, 99, 99.9];
const SECONDS = [1, 2, 5, 10, 30, 60, 180, 600, 1_800, ...[1, 3, 10, 30, 100].map((hours) => 3_600 * hours)];

/**
 * Draws accuracy over seconds of training: measured series as lines on one machine, and records on machines of their own as hollow marks.
 * Both axes are logarithmic, that of accuracy in the share of errors: from 90 to 95 % is as far as from 80 to 90 %.
 *
 * @param machine where all series were measured
 * @returns an SVG document
 */
export function timeToAccuracyChart(
  series: readonly Series[],
  records: readonly Point[],
  { machine }: { readonly machine: string },
): string {
  const all = [...series.flatMap(({ points }) => points), ...records];
  const [fastest, slowest] = [
    Math.min(...all.map(({ seconds }) => seconds)),
    Math.max(...all.map(({ seconds }) => seconds)),
  ];
  const reached = all.flatMap(({ accuracy, half = 0 }) => [onAxis(accuracy - half), onAxis(accuracy + half)]);
  const levels = LEVELS.slice(
    LEVELS.findLastIndex((level) => level < Math.min(...reached)),
    LEVELS.findIndex((level) => level > Math.max(...reached)) + 1,
  );
  const span = Math.max(1e-9, Math.log(slowest / fastest));
  const [bottom, top] = [logErrors(levels[0]!), logErrors(levels.at(-1)!)];
  const x = (seconds: number) => LEFT + 30 + (Math.log(seconds / fastest) / span) * (RIGHT - LEFT - 130);
  const y = (accuracy: number) => BOTTOM - ((logErrors(onAxis(accuracy)) - bottom) / (top - bottom)) * (BOTTOM - TOP);
  const label = labeller(all.map(({ seconds, accuracy }) => ({ x: x(seconds), y: y(accuracy) })));
  const parts = [
    text(16, 26, 'Accuracy over seconds of training', { 'font-size': 16, 'font-weight': 600 }),
    text(
      16,
      46,
      `CIFAR-10, 10,000 test images, with test-time augmentation; lines: ${machine}; hollow: records on their own machines`,
      {
        fill: style.muted,
      },
    ),
    ...series.flatMap(({ name }, index) => [
      element('circle', { cx: 22 + index * 220, cy: 66, r: 5, fill: COLORS[index % COLORS.length]! }),
      text(32 + index * 220, 70, name, { fill: style.muted }),
    ]),
    ...levels.flatMap((level) => [
      element('line', { x1: LEFT, x2: RIGHT, y1: y(level / 100), y2: y(level / 100), stroke: style.line }),
      text(LEFT - 8, y(level / 100) + 4, `${level} %`, { fill: style.muted, 'text-anchor': 'end' }),
    ]),
    ...SECONDS.filter((seconds) => seconds >= fastest && seconds <= slowest).map((seconds) =>
      text(x(seconds), BOTTOM + 22, duration(seconds), { fill: style.muted, 'text-anchor': 'middle' }),
    ),
    ...series.flatMap(({ points }, index) =>
      line(points, COLORS[index % COLORS.length]!, { x, y, label, side: index === 0 ? 'left' : 'right' }),
    ),
    ...records.flatMap((record) => [
      element('circle', {
        ...{ cx: x(record.seconds), cy: y(record.accuracy), r: 4.5 },
        ...{ fill: style.paper, stroke: style.ink, 'stroke-width': 1.5 },
      }),
      label(record.name, { x: x(record.seconds) + 9, y: y(record.accuracy) + 4 }, { fill: style.muted, side: 'right' }),
    ]),
  ];
  return standalone(picture(HEIGHT, 'Accuracy over seconds of training', parts, WIDTH));
}

/** @returns in percent; the interval of two seeds can go beyond all accuracies, to where the axis has no end */
function onAxis(accuracy: number): number {
  return Math.min(Math.max(100 * accuracy, 1), 99.8);
}

/** @param accuracy in percent @returns the logarithm of the share of errors */
function logErrors(accuracy: number): number {
  return Math.log(1 - accuracy / 100);
}

/** Of a mark that a name is written beside. */
type Side = 'left' | 'right';

interface Place {
  readonly x: number;
  readonly y: number;
}

interface Scales {
  x(seconds: number): number;
  y(accuracy: number): number;
  readonly label: ReturnType<typeof labeller>;
  readonly side: Side;
}

/** Writes names, each below the marks and names that it would cover. */
function labeller(marks: readonly Place[]) {
  const [height, width] = [13, 6]; // of a line, and of a letter
  // A mark keeps away from names as a letter does whose line is 4 below it.
  const taken = marks.map(({ x, y }) => ({ left: x - 5, right: x + 5, y: y + 4 }));
  return (name: string, { x, y: wanted }: Place, { fill, side }: { readonly fill: string; readonly side: Side }) => {
    const left = side === 'right' ? x : x - width * name.length;
    const right = left + width * name.length;
    let y = wanted;
    while (taken.some((each) => each.left < right && left < each.right && Math.abs(each.y - y) < height)) y += 1;
    taken.push({ left, right, y });
    return text(x, y, name, { 'font-size': 11, 'text-anchor': side === 'right' ? 'start' : 'end', fill });
  };
}

/** The points of one program, in the order of their times, each with its name and the interval of its mean. */
function line(points: readonly Point[], color: string, { x, y, label, side }: Scales): string[] {
  const [across, down] = side === 'left' ? [-9, -5] : [9, 9];
  const sorted = points.toSorted((one, other) => one.seconds - other.seconds);
  const path = sorted.map(({ seconds, accuracy }) => `${x(seconds).toFixed(1)},${y(accuracy).toFixed(1)}`).join(' ');
  return [
    element('polyline', { points: path, fill: 'none', stroke: color, 'stroke-width': 2 }),
    ...sorted.flatMap(({ name, seconds, accuracy, half = 0 }) => [
      element('line', {
        ...{ x1: x(seconds), x2: x(seconds), y1: y(accuracy - half), y2: y(accuracy + half) },
        ...{ stroke: color, 'stroke-width': 2 },
      }),
      element('circle', { cx: x(seconds), cy: y(accuracy), r: 4, fill: color }),
      label(name, { x: x(seconds) + across, y: y(accuracy) + down }, { fill: style.ink, side }),
    ]),
  ];
}

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3_600 ? `${seconds / 60} min` : `${seconds / 3_600} h`;
}
