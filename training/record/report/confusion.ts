import { percent } from '#models/percent.ts';
import type { Confusion } from '../../evaluation/class-figures.ts';
import { element, escapeXml, fitted, heading, picture, style, text, WIDTH } from './svg.ts';

/** More classes have a picture of the whole page's width, without numbers, and with classes that are confused side by side. */
const MOST_IN_COLUMN = 24;
/** The widths of cells between which names are readable and a page is wide enough. */
const [SMALLEST_NAMED, WIDE] = [7, 1100];
/** More have the list of confusions alone. */
const MOST_CLASSES = 1_000;

/**
 * The confusion matrix: a row for each true class, a column for each answer.
 *
 * @param confusion number of images by class and answer; no rows where there are too many classes
 */
export function confusionMatrix(
  classes: readonly string[],
  confusion: readonly (readonly number[])[],
): string | undefined {
  if (confusion.length === 0 || classes.length > MOST_CLASSES) return undefined;
  return classes.length <= MOST_IN_COLUMN ? inColumn(classes, confusion) : wide(classes, confusion);
}

function inColumn(classes: readonly string[], confusion: readonly (readonly number[])[]): string {
  const [left, top, right] = [84, 118, 52];
  // Two classes would be two very large cells.
  const cell = Math.min(96, (WIDTH - left - right) / classes.length);
  const gap = Math.min(1.5, cell / 4);
  const parts = [heading('Confusion', 'Rows: true class. Columns: predicted class. Right: accuracy per class.')];
  for (const [label, row] of confusion.entries()) {
    const total = totalOf(row);
    const middle = top + (label + 0.5) * cell;
    const column = `translate(${(left + (label + 0.6) * cell).toFixed(1)} ${top - 8}) rotate(-38)`;
    parts.push(
      text(left - 8, middle + 4, fitted(classes[label]!, 13), { 'text-anchor': 'end', 'font-size': 11 }),
      element('g', { transform: column }, text(0, 0, fitted(classes[label]!, 16), { 'font-size': 11 })),
      text(left + classes.length * cell + 6, middle + 4, percent(row[label]! / total, { digits: 1 }), {
        fill: style.muted,
        'font-size': 11,
      }),
    );
    for (const [answer, count] of row.entries()) {
      // The square root keeps a few mistakes visible beside hundreds of right answers.
      const strength = Math.sqrt(count / total);
      parts.push(
        element(
          'rect',
          {
            x: left + answer * cell + gap / 2,
            y: top + label * cell + gap / 2,
            width: cell - gap,
            height: cell - gap,
            rx: Math.min(3, cell / 8),
            fill: answer === label ? style.first : style.second,
            'fill-opacity': Math.max(0.05, strength),
          },
          titleOf(classes, label, answer, count),
        ),
      );
      if (count === 0 || cell < 13) continue;
      parts.push(
        text(left + (answer + 0.5) * cell, middle + 4, String(count), {
          'text-anchor': 'middle',
          'font-size': Math.min(11, cell / 2.6),
          fill: strength > 0.55 ? style.paper : style.ink,
        }),
      );
    }
  }
  return picture(top + classes.length * cell + 16, 'Confusion matrix', parts);
}

function wide(classes: readonly string[], confusion: readonly (readonly number[])[]): string {
  const [left, top, right] = [112, 150, 24];
  const cell = (WIDE - left - right) / classes.length;
  const isNamed = cell >= SMALLEST_NAMED;
  const order = bySimilarity(confusion);
  const explanation =
    'Rows: true class. Columns: predicted class. Classes that are confused are side by side. Point at a cell for its number.';
  const side = cell * classes.length;
  const parts = [
    heading('Confusion', explanation),
    element('rect', { x: left, y: top, width: side, height: side, fill: style.muted, 'fill-opacity': 0.07 }),
  ];
  const small = { 'font-size': Math.min(11, cell * 0.95) };
  for (const [at, label] of order.entries()) {
    const row = confusion[label]!;
    if (isNamed) {
      const name = fitted(classes[label]!, 20);
      const column = `translate(${(left + (at + 0.8) * cell).toFixed(1)} ${top - 6}) rotate(-90)`;
      parts.push(
        text(left - 6, top + (at + 0.85) * cell, name, { 'text-anchor': 'end', ...small }),
        element('g', { transform: column }, text(0, 0, name, small)),
      );
    }
    for (const [column, answer] of order.entries()) {
      const count = row[answer]!;
      if (count === 0) continue;
      parts.push(
        element(
          'rect',
          {
            x: left + column * cell + cell / 20,
            y: top + at * cell + cell / 20,
            width: cell * 0.9,
            height: cell * 0.9,
            fill: answer === label ? style.first : style.second,
            'fill-opacity': Math.max(0.15, Math.sqrt(count / totalOf(row))),
          },
          titleOf(classes, label, answer, count),
        ),
      );
    }
  }
  return picture(top + side + 16, 'Confusion matrix', parts, WIDE);
}

/**
 * An order in which classes that are confused with each other are neighbours: groups are joined, the most confused first, and
 * each is turned so that the classes at the joint fit best.
 */
function bySimilarity(confusion: readonly (readonly number[])[]): number[] {
  const between = (one: number, other: number) => confusion[one]![other]! + confusion[other]![one]!;
  let groups = confusion.map((_, label) => [label]);
  const groupOf = (label: number) => groups.find((group) => group.includes(label))!;
  const pairs = confusion
    .flatMap((row, label) => row.map((_, answer) => ({ label, answer, count: between(label, answer) })))
    .filter(({ label, answer, count }) => answer > label && count > 0)
    .sort((a, b) => b.count - a.count || a.label - b.label || a.answer - b.answer);
  for (const { label, answer } of pairs) {
    const [one, other] = [groupOf(label), groupOf(answer)];
    if (one === other) continue;
    const turned = [
      [one, other],
      [one, other.toReversed()],
      [one.toReversed(), other],
      [one.toReversed(), other.toReversed()],
    ] as const;
    const best = turned.reduce((best, each) => (joint(each, between) > joint(best, between) ? each : best));
    groups = groups.filter((group) => group !== one && group !== other);
    groups.push(best.flat());
  }
  return groups.flat();
}

function joint(
  [one, other]: readonly [readonly number[], readonly number[]],
  between: (one: number, other: number) => number,
): number {
  return between(one.at(-1)!, other[0]!);
}

/** The pairs of classes that are confused most often, as bars. @returns undefined if nothing is confused */
export function confusionList(
  classes: readonly string[],
  confusions: readonly Confusion[],
  support: readonly number[],
): string | undefined {
  const shown = confusions.slice(0, 16);
  if (shown.length === 0 || classes.length === 2) return undefined;
  const [left, top, line, right] = [186, 74, 22, 96];
  const most = shown[0]!.images;
  const parts = [heading('Most frequent confusions', 'The true class, taken for another; the share of its images.')];
  for (const [index, { label, answer, images }] of shown.entries()) {
    const y = top + index * line;
    const words = `${fitted(classes[label]!, 14)} as ${fitted(classes[answer]!, 14)}`;
    const width = ((WIDTH - left - right) * images) / most;
    const share = percent(images / Math.max(1, support[label]!), { digits: 1 });
    parts.push(
      text(left - 8, y + 12, words, { 'text-anchor': 'end', 'font-size': 11 }),
      element('rect', { x: left, y, width, height: 16, rx: 2, fill: style.second, 'fill-opacity': 0.75 }),
      text(left + width + 6, y + 12, `${images.toLocaleString('en')} (${share})`, {
        fill: style.muted,
        'font-size': 11,
      }),
    );
  }
  return picture(top + shown.length * line + 14, 'Most frequent confusions', parts);
}

function titleOf(classes: readonly string[], label: number, answer: number, count: number): string {
  return element('title', {}, escapeXml(`${classes[label]}, answered with ${classes[answer]}: ${count}`));
}

function totalOf(row: readonly number[]): number {
  return Math.max(
    1,
    row.reduce((sum, count) => sum + count, 0),
  );
}
