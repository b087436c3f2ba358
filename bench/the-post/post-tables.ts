import { percent } from '#models/percent.ts';
import { summarize } from '#training/evaluation/seed-groups.ts';
import { criticalT } from '#training/evaluation/student-t.ts';
import { markdownTable } from './markdown.ts';
import { type PostResult, reported } from './post-results.ts';

/** The epochs of the training log that the post shows. */
const SHOWN = [1, 2, 3, 4, 5, 95, 96, 97, 98, 99, 100];
/** Epochs over whose mean a loss is called lowest: a single epoch is the lowest by chance. */
const SPAN = 10;

const measures = [
  {
    name: 'accuracy',
    of: ({ accuracy }: { readonly accuracy: number }) => accuracy,
    write: (value: number) => percent(value),
  },
  { name: 'loss', of: ({ loss }: { readonly loss: number }) => loss, write: (value: number) => value.toFixed(3) },
] as const;

/**
 * The post's three pairs beside those of the seeds. The post is one run: what it can be held against is the interval in which one
 * more run of ours would lie, not that of our mean.
 */
export function testTable(seeds: readonly PostResult[]): string {
  const rows = reported.flatMap((pair) => {
    const found = seeds.flatMap(({ test }) => test.filter(({ epoch }) => epoch === pair.epoch));
    if (found.length === 0) return [];
    return measures.map(({ name, of, write }) => {
      const values = found.map((each) => of(each));
      const { mean, interval95 } = summarize(values);
      const next = intervalOfOneMore(values);
      const isWithin = next && of(pair) >= next[0] && of(pair) <= next[1];
      return [
        ...[`${pair.epoch}`, name, write(of(pair)), values.map(write).join(', '), write(mean)],
        interval95 ? `${write(interval95[0])} to ${write(interval95[1])}` : '',
        next ? `${write(next[0])} to ${write(next[1])}: the post is ${isWithin ? 'within' : 'outside'}` : '',
      ];
    });
  });
  const which = seeds.map(({ seed }) => seed).join(', ');
  const header = [
    'epochs',
    'on the test images',
    'the post',
    `seeds ${which}`,
    'mean',
    '95 % of the mean',
    '95 % of one more run',
  ];
  return markdownTable([header, ...rows]);
}

/** Where one more value lies with 95 %, if all are of one normal distribution; undefined for less than two. */
function intervalOfOneMore(values: readonly number[]): readonly [low: number, high: number] | undefined {
  const { mean, deviation } = summarize(values);
  if (deviation === undefined) return undefined;
  const half = criticalT(0.95, values.length - 1) * deviation * Math.sqrt(1 + 1 / values.length);
  return [mean - half, mean + half];
}

/** The training log of the first seed, at the epochs that the post shows. */
export function logTable([first]: readonly PostResult[]): string {
  const { epochs } = first!;
  const rows = epochs.flatMap(({ epoch, loss, heldOut, trainingSeconds }, index) =>
    SHOWN.includes(epoch)
      ? [
          [
            ...[`${epoch}`, loss.toFixed(4), heldOut.loss.toFixed(4), percent(heldOut.accuracy)],
            (trainingSeconds - (epochs[index - 1]?.trainingSeconds ?? 0)).toFixed(1),
          ],
        ]
      : [],
  );
  return markdownTable([['epoch', 'training loss', 'held-out loss', 'held-out accuracy', 'seconds'], ...rows]);
}

/** When the held-out loss is lowest, by seed. */
export function lowestTable(seeds: readonly PostResult[]): string {
  const rows = seeds.map(({ seed, epochs }) => {
    const losses = epochs.map(({ heldOut }) => heldOut.loss);
    const lowest = epochs[indexOfLeast(losses)]!;
    const spans = losses.slice(SPAN - 1).map((_, from) => summarize(losses.slice(from, from + SPAN)).mean);
    const best = indexOfLeast(spans);
    return [
      ...[`${seed}`, `${lowest.epoch}`, lowest.heldOut.loss.toFixed(4)],
      ...(spans.length === 0
        ? ['', '', '']
        : [
            `${epochs[best]!.epoch} to ${epochs[best + SPAN - 1]!.epoch}`,
            ...[spans[best]!.toFixed(4), `${spans.at(-1)!.toFixed(4)}`],
          ]),
    ];
  });
  const header = ['seed', 'lowest at epoch', 'loss', `lowest mean of ${SPAN} epochs`, 'loss', `of the last ${SPAN}`];
  return markdownTable([header, ...rows]);
}

function indexOfLeast(values: readonly number[]): number {
  return values.indexOf(Math.min(...values));
}
