import { element, picture, style, text } from './svg.ts';

/** Which class was answered with which: a row is what it is, a column what it was taken for. */
export function confusionMatrix(
  title: string,
  classes: readonly string[],
  confusion: readonly (readonly number[])[],
): string {
  const cell = Math.max(24, Math.min(56, 560 / classes.length));
  const [left, top] = [120, 140];
  const side = cell * classes.length;
  const parts = [
    text(24, 34, 'Confusion', { 'font-size': 18, 'font-weight': 600 }),
    text(24, 56, 'Rows: the true class. Columns: the answer. Test images.', { fill: style.muted }),
  ];
  for (const [label, row] of confusion.entries()) {
    const total = Math.max(
      1,
      row.reduce((sum, count) => sum + count, 0),
    );
    const middle = top + (label + 0.5) * cell;
    parts.push(
      text(left - 10, middle + 4, classes[label]!, { 'text-anchor': 'end' }),
      element(
        'g',
        { transform: `translate(${(left + (label + 0.5) * cell).toFixed(1)} ${top - 10}) rotate(-35)` },
        text(0, 0, classes[label]!),
      ),
      text(left + side + 14, middle + 4, `${((100 * row[label]!) / total).toFixed(1)} %`, { fill: style.muted }),
    );
    for (const [answer, count] of row.entries()) {
      // The square root lets a few mistakes be seen beside hundreds of right answers.
      const strength = Math.sqrt(count / total);
      const isRight = answer === label;
      parts.push(
        element('rect', {
          x: left + answer * cell + 1,
          y: top + label * cell + 1,
          width: cell - 2,
          height: cell - 2,
          rx: 3,
          fill: isRight ? style.first : style.second,
          'fill-opacity': Math.max(0.04, strength),
        }),
      );
      if (count === 0) continue;
      parts.push(
        text(left + (answer + 0.5) * cell, middle + 4, String(count), {
          'text-anchor': 'middle',
          'font-size': cell < 36 ? 10 : 13,
          fill: strength > 0.6 ? style.paper : style.ink,
        }),
      );
    }
  }
  return picture(left + side + 80, top + side + 30, `${title}: which class was answered with which`, parts);
}
