import { make } from './element.ts';

/** A bar for each fraction, one below the other; the figures beside it say the same, so it is for eyes only. */
export function bar(...fractions: readonly (readonly [fraction: number, kind: string])[]): HTMLTableCellElement {
  const tracks = fractions.map(([fraction, kind]) => {
    const fill = make('i', { className: kind });
    fill.style.width = `${100 * fraction}%`;
    return fill;
  });
  const cell = make('td', { className: 'bar' }, make('span', {}, ...tracks));
  cell.ariaHidden = 'true';
  return cell;
}
