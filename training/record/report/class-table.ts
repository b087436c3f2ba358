import { percent } from '#models/percent.ts';
import type { Averages, ClassFigures } from '../../evaluation/class-figures.ts';
import { fewImages } from '../../evaluation/few-images.ts';
import { interval95 } from '../../evaluation/measure.ts';
import type { Ranking } from '../../evaluation/ranking.ts';
import type { PageTable } from './page.ts';

interface Measured {
  readonly figures: readonly ClassFigures[];
  readonly macro: Averages;
  readonly weighted: Averages;
  readonly ranking?: Pick<Ranking, 'macro'> & {
    readonly perClass: readonly (Pick<Ranking['macro'], 'auc' | 'averagePrecision'> | undefined)[];
  };
}

/** More are sorted, the worst first. */
const MOST_IN_ORDER = 24;

/** A row for each class, then the averages; and a sentence if there are too few images to tell. */
export function classTable(classes: readonly string[], { figures, macro, weighted, ranking }: Measured): PageTable {
  const order = [...figures.keys()];
  const isSorted = classes.length > MOST_IN_ORDER;
  if (isSorted) order.sort((a, b) => figures[a]!.f1 - figures[b]!.f1 || a - b);
  const share = (value: number) => percent(value, { digits: 1 });
  const area = (value: number | undefined) => value?.toFixed(3) ?? '';
  const averaged = (name: string, { precision, recall, f1 }: Averages, rest: readonly string[]) => [
    ...[name, '', share(precision), share(recall), '', share(f1)],
    ...rest,
  ];
  return {
    head: ['Class', 'Test images', 'Precision', 'Recall', '95 % of recall', 'F1', 'ROC AUC', 'Average precision'],
    rows: order.map((label) => {
      const { support, precision, recall, f1 } = figures[label]!;
      const ranked = ranking?.perClass[label];
      return [
        ...[classes[label]!, support.toLocaleString('en'), share(precision), support > 0 ? share(recall) : ''],
        ...[support > 0 ? intervalOf(recall, support) : 'no images', share(f1)],
        ...[area(ranked?.auc), area(ranked?.averagePrecision)],
      ];
    }),
    foot: [
      averaged('Mean of the classes (macro)', macro, [area(ranking?.macro.auc), area(ranking?.macro.averagePrecision)]),
      averaged('Weighted by images', weighted, ['', '']),
    ],
    note: [...(isSorted ? ['Sorted by F1, the worst first.'] : []), ...fewImages(figures)].join(' '),
  };
}

function intervalOf(recall: number, support: number): string {
  const [low, high] = interval95(recall, support);
  return `${(100 * low).toFixed(1)} to ${percent(high, { digits: 1 })}`;
}
