import { createElement } from './element.ts';

/** A table cell with one bar per fraction. It is hidden from screen readers, since the figures beside it say the same. */
export function bar(...fractions: readonly (readonly [fraction: number, kind: string])[]): HTMLTableCellElement {
  const tracks = fractions.map(([fraction, kind]) => {
    const fill = createElement('i', { className: kind });
    fill.style.width = `${100 * fraction}%`;
    return fill;
  });
  const cell = createElement('td', { className: 'bar' }, createElement('span', {}, ...tracks));
  cell.ariaHidden = 'true';
  return cell;
}
