import type { Card } from '#models/card.ts';
import type { Dataset, Split } from '../data/dataset.ts';
import type { ClassFigures } from './class-figures.ts';
import type { Evaluation } from './evaluation.ts';
import { interval95 as intervalOf, worstMistakes } from './measure.ts';
import { probabilities } from './temperature.ts';

/** An evaluation of a version by names instead of indices: the JSON that `evaluate` prints, and the content of its report. */
export interface EvaluationReport extends Omit<Evaluation, 'perClass' | 'figures' | 'confusions' | 'logits'> {
  readonly version: string;
  /** What classified the images: a library on this machine, or an endpoint by its address. */
  readonly runtime: string;
  /** The data set's title. */
  readonly data: string;
  readonly classes: readonly string[];
  /** By the class's name. */
  readonly perClass: Readonly<Record<string, number>>;
  /** By the class's name. */
  readonly byClass: Readonly<Record<string, NamedFigures>>;
  /** Areas under the curves of each class against the others; absent where there are too few images for them. */
  readonly auc?: { readonly macro: number; readonly micro: number };
  readonly averagePrecision?: { readonly macro: number; readonly micro: number };
  readonly confusions: readonly { readonly label: string; readonly answer: string; readonly images: number }[];
  readonly temperature: number;
  /** The figures of the version's card; absent if the card is about other test images. */
  readonly recorded?: { readonly images: number; readonly plain: number; readonly tta: number; readonly loss: number };
  /** The largest difference between a probability and the one that training computed, over the golden images. */
  readonly golden?: { readonly difference: number; readonly tolerance: number };
  readonly mistakes: readonly NamedMistake[];
}

interface NamedFigures extends ClassFigures {
  /** Interval of the recall; absent for a class without images. */
  readonly interval95?: readonly [low: number, high: number];
  readonly auc?: number;
  readonly averagePrecision?: number;
}

interface NamedMistake {
  /** Index in the test set. */
  readonly image: number;
  readonly label: string;
  readonly answer: string;
  readonly confidence: number;
  /** The probability of the correct class. */
  readonly forLabel: number;
}

interface ReportOptions extends Pick<EvaluationReport, 'version' | 'runtime' | 'golden'> {
  readonly card: Pick<Card, 'classes' | 'temperature' | 'accuracy' | 'loss' | 'data'>;
  readonly data: Dataset;
  /** The evaluated images, a part of `data.test` or all of it. */
  readonly split: Split;
}

const MISTAKES = 24;

export function reportEvaluation(
  evaluation: Evaluation,
  { version, runtime, card, data, split, golden }: ReportOptions,
): EvaluationReport {
  const { classes, temperature, accuracy } = card;
  const { logits, perClass, images, plain, tta, selectiveTta, top, loss, interval95, calibration, confusion } =
    evaluation;
  const { figures, macro, weighted, ranking, confusions } = evaluation;
  const mistakes = worstMistakes(probabilities(logits, classes.length, temperature), split.labels, MISTAKES);
  const isSameTest = areTestImagesOf(card, data);
  return {
    ...{ version, runtime, data: data.title, classes, images, plain },
    ...(tta === undefined ? {} : { tta }),
    ...(selectiveTta === undefined ? {} : { selectiveTta }),
    ...{ top, loss, interval95 },
    ...(isSameTest && {
      recorded: { images: accuracy.images, plain: accuracy.plain, tta: accuracy.tta, loss: card.loss },
    }),
    ...(golden === undefined ? {} : { golden }),
    ...{ temperature, calibration },
    perClass: Object.fromEntries(classes.map((name, label) => [name, perClass[label]!])),
    byClass: Object.fromEntries(classes.map((name, label) => [name, namedFigures(figures[label]!, evaluation, label)])),
    ...{ macro, weighted },
    ...(ranking && {
      auc: { macro: ranking.macro.auc, micro: ranking.micro.auc },
      averagePrecision: { macro: ranking.macro.averagePrecision, micro: ranking.micro.averagePrecision },
      ranking,
    }),
    confusions: confusions.map(({ label, answer, images }) => ({
      label: classes[label]!,
      answer: classes[answer]!,
      images,
    })),
    confusion,
    mistakes: mistakes.map(({ label, answer, ...mistake }) => ({
      ...mistake,
      label: classes[label]!,
      answer: classes[answer]!,
    })),
  };
}

function namedFigures(figures: ClassFigures, { ranking }: Evaluation, label: number): NamedFigures {
  const ranked = ranking?.perClass[label];
  return {
    ...figures,
    ...(figures.support > 0 && { interval95: intervalOf(figures.recall, figures.support) }),
    ...(ranked && { auc: ranked.auc, averagePrecision: ranked.averagePrecision }),
  };
}

/** Whether a card's figures are about these test images: only then may new figures stand beside them. */
export function areTestImagesOf({ data }: Pick<Card, 'data'>, { sha256 }: Pick<Dataset, 'sha256'>): boolean {
  return data.sha256.test === sha256.test;
}
