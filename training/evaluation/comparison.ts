import type { Dataset } from '../data/dataset.ts';
import type { Labels } from '../data/labels.ts';
import { agreement, interval95 } from './measure.ts';
import { type PairedTest, pairedTest } from './paired-test.ts';

/** Two versions on the same test images: the JSON that `compare` prints. Fractions are in [0, 1]. */
export interface Comparison extends PairedTest {
  /** The title of the data set whose test images both classified. */
  readonly data: string;
  readonly first: Compared;
  readonly second: Compared;
  readonly perClass: readonly ClassDifference[];
  /** A sentence that says whether chance explains the difference. */
  readonly verdict: string;
}

export interface Compared {
  readonly version: string;
  /** The alias that was asked for, if it was one. */
  readonly alias?: string;
  readonly plain: number;
  readonly interval95: readonly [low: number, high: number];
}

interface ClassDifference {
  readonly class: string;
  readonly first: number;
  readonly second: number;
  readonly pValue: number;
  /** At 5 %, with Bonferroni's correction for the number of classes. */
  readonly isSignificant: boolean;
}

interface Answers {
  readonly version: string;
  readonly alias?: string;
  /** `[test.count]` class indices */
  readonly answers: Labels;
}

/** The level of significance: one false alarm in twenty comparisons. */
const LEVEL = 0.05;

export function compare(
  first: Answers,
  second: Answers,
  { title, test, classes }: Pick<Dataset, 'title' | 'test' | 'classes'>,
): Comparison {
  const { labels } = test;
  const compared = ({ answers, ...name }: Answers): Compared => {
    const plain = agreement(answers, labels);
    return { ...name, plain, interval95: interval95(plain, labels.length) };
  };
  const paired = pairedTest(first.answers, second.answers, labels);
  const names = [compared(first), compared(second)] as const;
  return {
    data: title,
    first: names[0],
    second: names[1],
    ...paired,
    perClass: classes.map((name, label) => {
      const of = (values: Labels) => values.filter((_, image) => labels[image] === label);
      const [one, other, truth] = [of(first.answers), of(second.answers), of(labels)];
      const { pValue } = pairedTest(one, other, truth);
      const accuracy = (answers: Labels) => (truth.length === 0 ? 0 : agreement(answers, truth));
      return {
        class: name,
        first: accuracy(one),
        second: accuracy(other),
        pValue,
        isSignificant: pValue < LEVEL / classes.length,
      };
    }),
    verdict: verdictOf(paired, names),
  };
}

function verdictOf(paired: PairedTest, [first, second]: readonly [Compared, Compared]): string {
  const { difference, pValue, onlyFirst, onlySecond } = paired;
  if (onlyFirst + onlySecond === 0) return 'They get the same images right and the same ones wrong.';
  const points = `${Math.abs(100 * difference).toFixed(2)} points`;
  const odds = `two equally good ones would differ by as much in ${oddsOf(pValue)} such comparisons`;
  if (pValue >= LEVEL) {
    return difference === 0
      ? `They are equally good on these images, though not on the same ones.`
      : `Chance explains the difference of ${points}: ${odds}. Do not take it for progress.`;
  }
  const [better, worse] = difference > 0 ? [second, first] : [first, second];
  return `Chance does not explain it: ${better.version} is better than ${worse.version} by ${points}; ${odds}.`;
}

function oddsOf(pValue: number): string {
  if (pValue >= 0.01) return `${Math.round(100 * pValue)} of 100`;
  if (pValue >= 1e-6) return `1 of ${Number((1 / pValue).toPrecision(2)).toLocaleString('en')}`;
  return 'less than 1 of 1,000,000';
}
