import { percent } from '#models/percent.ts';
import { element, escapeXml, heading, picture, style, text, WIDTH } from './svg.ts';

const [LEFT, TOP, RIGHT] = [84, 118, 52];

/** The confusion matrix: a row for each true class, a column for each answer. */
export function confusionMatrix(classes: readonly string[], confusion: readonly (readonly number[])[]): string {
  const cell = (WIDTH - LEFT - RIGHT) / classes.length;
  const hasNames = cell > 9;
  const gap = Math.min(1.5, cell / 4);
  const hasEmptyCells = classes.length <= 100; // More would make pages of megabytes.
  const parts = [heading('Confusion', 'Rows: true class. Columns: predicted class. Right: accuracy per class.')];
  for (const [label, row] of confusion.entries()) {
    const total = Math.max(
      1,
      row.reduce((sum, count) => sum + count, 0),
    );
    const middle = TOP + (label + 0.5) * cell;
    if (hasNames) {
      const column = `translate(${(LEFT + (label + 0.6) * cell).toFixed(1)} ${TOP - 8}) rotate(-38)`;
      parts.push(
        text(LEFT - 8, middle + 4, classes[label]!, { 'text-anchor': 'end', 'font-size': 11 }),
        element('g', { transform: column }, text(0, 0, classes[label]!, { 'font-size': 11 })),
        text(WIDTH - RIGHT + 6, middle + 4, percent(row[label]! / total, { digits: 1 }), {
          fill: style.muted,
          'font-size': 11,
        }),
      );
    }
    for (const [answer, count] of row.entries()) {
      if (count === 0 && !hasEmptyCells) continue;
      // The square root keeps a few mistakes visible beside hundreds of right answers.
      const strength = Math.sqrt(count / total);
      parts.push(
        element(
          'rect',
          {
            x: LEFT + answer * cell + gap / 2,
            y: TOP + label * cell + gap / 2,
            width: cell - gap,
            height: cell - gap,
            rx: Math.min(3, cell / 8),
            fill: answer === label ? style.first : style.second,
            'fill-opacity': Math.max(0.05, strength),
          },
          element('title', {}, escapeXml(`${classes[label]}, answered with ${classes[answer]}: ${count}`)),
        ),
      );
      if (count === 0 || cell < 18) continue;
      parts.push(
        text(LEFT + (answer + 0.5) * cell, middle + 4, String(count), {
          'text-anchor': 'middle',
          'font-size': Math.min(11, cell / 2.6),
          fill: strength > 0.55 ? style.paper : style.ink,
        }),
      );
    }
  }
  return picture(TOP + WIDTH - LEFT - RIGHT + 16, 'Confusion matrix', parts);
}
