import type { ClassFigures } from './class-figures.ts';
import { interval95 } from './measure.ts';

/** Half of an interval: above, a figure says little. */
const WIDE_INTERVAL = 0.1;

/** How little is known by few images, or nothing where there are enough. */
export function fewImages(figures: readonly ClassFigures[]): string[] {
  const unknown = figures.filter(({ support }) => support === 0).length;
  const widths = figures
    .filter(({ support }) => support > 0)
    .map(({ support, recall }) => {
      const [low, high] = interval95(recall, support);
      return { support, half: (high - low) / 2 };
    })
    .sort((a, b) => a.half - b.half);
  const middle = widths[Math.floor(widths.length / 2)];
  return [
    ...(middle && middle.half > WIDE_INTERVAL
      ? [
          `With ${middle.support} test ${middle.support === 1 ? 'image' : 'images'}, the recall of a typical class is known ` +
            `to within ${Math.round(100 * middle.half)} points only: differences between classes may be chance.`,
        ]
      : []),
    ...(unknown > 0
      ? [`Nothing is known of ${unknown} ${unknown === 1 ? 'class' : 'classes'} without test images.`]
      : []),
  ];
}
