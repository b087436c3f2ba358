import { area, around, axes, legendAt } from '#training/record/report/panel.ts';
import { element, heading, picture, standalone, style, WIDTH } from '#training/record/report/svg.ts';
import { type PostResult, reported } from './post-results.ts';

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly of: (epoch: PostResult['epochs'][number]) => number;
}

interface Chart {
  readonly title: string;
  readonly explanation: string;
  readonly lines: readonly Line[];
  /** Of a pair on the test images. */
  readonly ofTest: (pair: { readonly accuracy: number; readonly loss: number }) => number;
  readonly label: (value: number) => string;
  /** The most that a value can be. @default no limit */
  readonly limit?: number;
}

const loss: Chart = {
  title: 'Loss',
  explanation: 'A line for each seed. Training images are seen with dropout.',
  lines: [
    { name: 'training', colour: style.first, of: (epoch) => epoch.loss },
    { name: 'held out', colour: style.second, of: ({ heldOut }) => heldOut.loss },
  ],
  ofTest: (pair) => pair.loss,
  label: (value) => String(Number(value.toPrecision(3))),
};

const accuracy: Chart = {
  title: 'Accuracy',
  explanation: 'A line for each seed.',
  lines: [{ name: 'held out', colour: style.second, of: ({ heldOut }) => heldOut.accuracy }],
  ofTest: (pair) => pair.accuracy,
  label: (value) => `${Number((100 * value).toPrecision(3))} %`,
  limit: 1,
};

/** Training and held-out curves over the epochs, with the test images of the seeds and of the post. @returns an SVG document */
export function postCurves(seeds: readonly PostResult[]): string {
  const [left, right] = [chart(loss, seeds), chart(accuracy, seeds)];
  const height = area.top + area.height + 54;
  const title = 'Loss and accuracy of the post’s recipe over the epochs';
  const parts = [left, element('g', { transform: `translate(${WIDTH} 0)` }, right)];
  return standalone(picture(height, title, parts, 2 * WIDTH));
}

function chart({ title, explanation, lines, ofTest, label, limit }: Chart, seeds: readonly PostResult[]): string {
  const { left, top, width, height } = area;
  const end = Math.max(...seeds.flatMap(({ epochs }) => epochs.map(({ epoch }) => epoch)));
  const pairs = seeds.flatMap(({ test }) => test);
  const post = reported.filter(({ epoch }) => epoch <= end);
  // The first epochs would press all else together: they are drawn at the edge.
  const values = lines.flatMap(({ of }) =>
    seeds.flatMap(({ epochs }) => epochs.filter(({ epoch }) => epoch >= end / 20).map(of)),
  );
  const range = around([...values, ...[...pairs, ...post].map(ofTest)], limit);
  const toX = (epoch: number) => left + (epoch / end) * width;
  const toY = (value: number) =>
    top + height * (1 - Math.max(0, Math.min(1, (value - range[0]) / (range[1] - range[0]))));
  const legend = legendAt(left, 70);
  return [
    heading(title, explanation),
    axes({ across: 'epochs', end, range, label }),
    ...lines.flatMap(({ name, colour, of }) => [
      legend(name, colour),
      ...seeds.map(({ epochs }) => {
        const d = epochs
          .map((each, index) => `${index === 0 ? 'M' : 'L'}${toX(each.epoch).toFixed(1)} ${toY(of(each)).toFixed(1)}`)
          .join('');
        return element('path', { d, fill: 'none', stroke: colour, 'stroke-width': 1.2, 'stroke-linejoin': 'round' });
      }),
    ]),
    legend('test images', style.ink),
    ...pairs.map((pair) => element('circle', { cx: toX(pair.epoch), cy: toY(ofTest(pair)), r: 3, fill: style.ink })),
    legend('the post', style.wrong),
    ...post.map((pair) => {
      const [x, y] = [toX(pair.epoch), toY(ofTest(pair))];
      const d = `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x - 5} ${y + 5}L${x + 5} ${y - 5}`;
      return element('path', { d, stroke: style.wrong, 'stroke-width': 2 });
    }),
  ].join('\n');
}
