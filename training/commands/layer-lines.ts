import type pc from 'picocolors';
import type { LayerRow } from '../nets/layer-table.ts';

/**
 * A line a layer, below a line of titles.
 *
 * @param sums name and number each, for lines below. @default none
 */
export function layerLines(
  layers: readonly LayerRow[],
  colours: ReturnType<typeof pc.createColors>,
  sums: readonly (readonly [name: string, sum: number])[] = [],
): string[] {
  if (layers.length === 0) return [];
  const titles = ['layer', 'kind', 'output', 'parameters'];
  const rows = layers.map(({ name, kind, output, parameters }) => [name, kind, output.join(' x '), count(parameters)]);
  const below = sums.map(([name, sum]) => [name, '', '', count(sum)]);
  const table = [titles, ...rows, ...below];
  const widths = titles.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table.map((row, index) => {
    const cells = row.map((cell, column) => (column === 3 ? cell.padStart(widths[3]!) : cell.padEnd(widths[column]!)));
    const line = `  ${cells.join('  ')}`;
    return index === 0 ? colours.dim(line) : line;
  });
}

function count(value: number): string {
  return value.toLocaleString('en');
}
