import type { ClassFigures } from '../../evaluation/class-figures.ts';
import type { ClassRanking, CurvePoint, Ranking } from '../../evaluation/ranking.ts';
import { area, axes } from './panel.ts';
import { element, fitted, heading, picture, style, text } from './svg.ts';

interface Line {
  readonly name: string;
  readonly value: number;
  readonly points: readonly CurvePoint[];
  readonly colour: string;
  readonly width: number;
  readonly dashes?: string;
}

interface Kind {
  readonly title: string;
  readonly explanation: string;
  readonly across: string;
  readonly up: string;
  readonly value: (of: ClassRanking) => number;
  readonly points: (of: ClassRanking) => readonly CurvePoint[];
}

/** As many classes have a line and a name each; of more, the worst and the best are named. */
const MOST_NAMED = 12;
const EXTREMES = 4;
const HEIGHT = 300;

/** The share of a class's images that is found, by the share of others that is taken for it. */
export function rocCurves(classes: readonly string[], ranking: Ranking, operating?: CurvePoint): string {
  return curves(classes, ranking, operating, {
    title: 'ROC',
    explanation: 'Each class against the others. The area under a line is its AUC.',
    across: 'share of other images taken for the class',
    up: 'found',
    value: ({ auc }) => auc,
    points: ({ roc }) => roc,
  });
}

/** The share of right answers, by the share of a class's images that is found. */
export function precisionRecallCurves(classes: readonly string[], ranking: Ranking, operating?: CurvePoint): string {
  return curves(classes, ranking, operating, {
    title: 'Precision and recall',
    explanation: 'Each class against the others, with its average precision.',
    across: 'recall',
    up: 'precision',
    value: ({ averagePrecision }) => averagePrecision,
    points: ({ precisionRecall }) => precisionRecall,
  });
}

/** Where the answers of a network for two classes are on the second one's curves. @returns undefined for more classes */
export function operatingPoints(
  figures: readonly ClassFigures[],
): { readonly roc: CurvePoint; readonly precisionRecall: CurvePoint } | undefined {
  const [first, second, third] = figures;
  if (!first || !second || third || first.support === 0 || second.support === 0) return undefined;
  return { roc: [1 - first.recall, second.recall], precisionRecall: [second.recall, second.precision] };
}

/** @param operating where the answers are, of two classes */
function curves(
  classes: readonly string[],
  { perClass, macro, micro }: Ranking,
  operating: CurvePoint | undefined,
  { title, explanation, across, up, value, points }: Kind,
): string {
  const { left, top, width } = area;
  const whole = (share: number) => `${Math.round(100 * share)} %`;
  const lineOf = (ranking: ClassRanking, name: string, look: Pick<Line, 'colour' | 'width' | 'dashes'>): Line => ({
    name,
    value: value(ranking),
    points: points(ranking),
    ...look,
  });
  const ordered = perClass
    .flatMap((ranking, label) => (ranking === undefined ? [] : [{ ranking, name: classes[label]! }]))
    .sort((a, b) => value(b.ranking) - value(a.ranking));
  const isNamed = (index: number) =>
    ordered.length <= MOST_NAMED || index < EXTREMES || index >= ordered.length - EXTREMES;
  // Of two classes the ROC curves are mirror images: the second class, as in other programs, stands for both.
  const isBinary = classes.length === 2;
  const shown = isBinary && perClass[1] ? [{ ranking: perClass[1], name: classes[1]! }] : ordered;
  const lines = shown.map(({ ranking, name }, index) =>
    lineOf(
      ranking,
      name,
      isNamed(index) ? { colour: hue(index, shown.length), width: 1.5 } : { colour: style.muted, width: 0.4 },
    ),
  );
  const means = isBinary
    ? []
    : [
        lineOf(macro, 'macro: their mean', { colour: style.ink, width: 2.5 }),
        lineOf(micro, 'micro: all together', { colour: style.ink, width: 1.5, dashes: '5 4' }),
      ];
  const parts = [
    heading(title, explanation),
    axes({ across, end: 1, range: [0, 1], label: whole }, HEIGHT),
    text(left, top - 8, up, { fill: style.muted, 'font-size': 11 }),
    ...[...lines, ...means].map((line) => path(line)),
  ];
  if (operating) {
    const [x, y] = [left + operating[0] * width, top + (1 - operating[1]) * HEIGHT];
    parts.push(
      element('circle', { cx: x, cy: y, r: 5, fill: style.paper, stroke: style.second, 'stroke-width': 2.5 }),
      text(x + 10, y + 16, 'the answers', { 'font-size': 11 }),
    );
  }
  const legend = [...means, ...lines.filter((_, index) => isNamed(index))];
  const rows = Math.ceil(legend.length / 2);
  for (const [index, line] of legend.entries()) {
    const x = left + Math.floor(index / rows) * (width / 2);
    const y = top + HEIGHT + 62 + (index % rows) * 16;
    const look = { stroke: line.colour, 'stroke-width': line.width + 0.5 };
    parts.push(
      element('line', { x1: x, x2: x + 16, y1: y - 4, y2: y - 4, ...look, ...dashed(line) }),
      text(x + 22, y, `${fitted(line.name, 20)} ${line.value.toFixed(3)}`, { fill: style.muted, 'font-size': 11 }),
    );
  }
  if (shown.length > legend.length) {
    const others = `grey: the other ${shown.length - 2 * EXTREMES} classes`;
    parts.push(text(left, top + HEIGHT + 62 + rows * 16, others, { fill: style.muted, 'font-size': 11 }));
  }
  return picture(top + HEIGHT + 62 + (rows + 1) * 16, `${title}, of each class against the others`, parts);
}

function path({ points, colour, width, ...line }: Line): string {
  const drawn = points.map(
    ([x, y], index) =>
      `${index === 0 ? 'M' : 'L'}${(area.left + x * area.width).toFixed(1)} ${(area.top + (1 - y) * HEIGHT).toFixed(1)}`,
  );
  return element('path', {
    d: drawn.join(''),
    fill: 'none',
    stroke: colour,
    'stroke-width': width,
    'stroke-linejoin': 'round',
    ...dashed(line),
  });
}

function dashed({ dashes }: Pick<Line, 'dashes'>) {
  return dashes === undefined ? {} : { 'stroke-dasharray': dashes };
}

/** From blue, for the best class, to red: readable on light and on dark. */
function hue(index: number, count: number): string {
  return `hsl(${Math.round(220 - (220 * index) / Math.max(1, count - 1))} 65% 50%)`;
}
