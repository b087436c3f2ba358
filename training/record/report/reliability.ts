import { percent } from '#models/percent.ts';
import type { Evaluation } from '../../evaluation/evaluation.ts';
import { area, axes, legendAt } from './panel.ts';
import { element, heading, picture, style, text } from './svg.ts';

/**
 * The accuracy of answers by their probability: on the diagonal the probabilities are calibrated.
 *
 * @see Guo et al. 2017, "On calibration of modern neural networks", figure 1
 */
export function reliabilityDiagram({ before, after }: Evaluation['calibration'], temperature: number): string {
  const { left, top, width, height } = area;
  const toX = (x: number) => left + x * width;
  const toY = (y: number) => top + height - y * height;
  const whole = (value: number) => percent(value, { digits: 0 });
  const legend = legendAt(left, 70);
  const parts = [
    heading('Reliability', 'Accuracy of answers by their probability.'),
    axes({ across: 'probability of the answer', end: 1, range: [0, 1], label: whole }),
    legend(`calibrated, error ${percent(after.error)}`, style.first),
    legend(`temperature 1, error ${percent(before.error)}`, style.second),
    element('line', { x1: toX(0), y1: toY(0), x2: toX(1), y2: toY(1), stroke: style.muted, 'stroke-dasharray': '3 4' }),
  ];
  const most = Math.max(1, ...after.bins.map(({ images }) => images));
  for (const { from, to, images, accuracy } of after.bins) {
    if (images === 0) continue;
    const share = images / most;
    parts.push(
      element(
        'rect',
        {
          x: toX(from) + 1,
          width: toX(to) - toX(from) - 2,
          y: toY(accuracy),
          height: accuracy * height,
          rx: 2,
          fill: style.first,
          'fill-opacity': 0.25 + 0.75 * share,
        },
        element('title', {}, `${whole(from)} to ${whole(to)}: ${images} answers, ${percent(accuracy)} right`),
      ),
    );
  }
  for (const { images, confidence, accuracy } of before.bins) {
    if (images === 0) continue;
    parts.push(
      element('circle', {
        cx: toX(confidence),
        cy: toY(accuracy),
        r: 3.5,
        fill: style.paper,
        stroke: style.second,
        'stroke-width': 2,
      }),
    );
  }
  parts.push(
    text(left, top + height + 56, `Temperature ${temperature.toFixed(3)}. Darker bars have more answers.`, {
      fill: style.muted,
      'font-size': 10.5,
    }),
  );
  return picture(top + height + 70, 'Reliability diagram', parts);
}
