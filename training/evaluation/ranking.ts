import type { Labels } from '../data/labels.ts';

/**
 * How well the probabilities of a class rank its images above all others, whatever limit one chooses: each class against the
 * rest.
 */
export interface Ranking {
  /** By class; undefined for a class with no images, or with all of them. */
  readonly perClass: readonly (ClassRanking | undefined)[];
  /** Every class counts the same. */
  readonly macro: ClassRanking;
  /** Every pair of an image and a class counts the same. */
  readonly micro: ClassRanking;
}

export interface ClassRanking {
  /** The area under the ROC curve: the probability that an image of the class has a higher score than another one. */
  readonly auc: number;
  /** The area under the precision-recall curve, as steps. */
  readonly averagePrecision: number;
  /** For drawing: at most 101 points, ends included. */
  readonly roc: readonly CurvePoint[];
  /** At equal steps of recall. */
  readonly precisionRecall: readonly CurvePoint[];
}

/** On the ROC curve x is the share of other images, y that of the class's; on the other one x is recall, y precision. */
export type CurvePoint = readonly [x: number, y: number];

/** Scores that are sorted in a few seconds; more classes and images have no ranking. */
const MOST_SCORES = 2e7;
const STEPS = 100;

/**
 * @param answers probabilities `[N, classes]`
 * @param labels `[N]` class indices
 * @returns undefined where no class has both images and others, or where there are too many scores
 * @see scikit-learn: `roc_auc_score(…, multi_class='ovr')` and `average_precision_score`, which give the same numbers
 */
export function ranking(answers: Float64Array, labels: Labels, classes: number): Ranking | undefined {
  if (answers.length > MOST_SCORES) return undefined;
  const images = labels.length;
  const support = new Uint32Array(classes);
  for (const label of labels) support[label]!++;
  const perClass = Array.from(support, (count, label) => {
    const [positive, negative] = [new Float64Array(count), new Float64Array(images - count)];
    let [at, other] = [0, 0];
    for (let image = 0; image < images; image++) {
      const score = answers[image * classes + label]!;
      if (labels[image] === label) positive[at++] = score;
      else negative[other++] = score;
    }
    return rank(positive, negative);
  });
  const known = perClass.filter((each) => each !== undefined);
  if (known.length === 0) return undefined;
  const positive = Float64Array.from(labels, (label, image) => answers[image * classes + label]!);
  const negative = new Float64Array(answers.length - images);
  for (let at = 0, other = 0; at < answers.length; at++) {
    if (at % classes !== labels[Math.floor(at / classes)]) negative[other++] = answers[at]!;
  }
  return { perClass, macro: meanOf(known), micro: rank(positive, negative)! };
}

/** Ranks two groups of scores. Both arrays are sorted in place. */
function rank(positive: Float64Array, negative: Float64Array): ClassRanking | undefined {
  if (positive.length === 0 || negative.length === 0) return undefined;
  positive.sort();
  negative.sort();
  let [hits, alarms] = [0, 0]; // so far, from the highest score downwards
  let [area, averagePrecision] = [0, 0];
  const roc: CurvePoint[] = [[0, 0]];
  const precisions: CurvePoint[] = []; // recall and precision at each limit
  while (hits < positive.length || alarms < negative.length) {
    const limit = Math.max(
      positive[positive.length - 1 - hits] ?? Number.NEGATIVE_INFINITY,
      negative[negative.length - 1 - alarms] ?? Number.NEGATIVE_INFINITY,
    );
    const [hitsBefore, alarmsBefore] = [hits, alarms];
    while (positive[positive.length - 1 - hits] === limit) hits++;
    while (negative[negative.length - 1 - alarms] === limit) alarms++;
    // Equal scores are half a success.
    area += ((alarms - alarmsBefore) * (hits + hitsBefore)) / 2;
    averagePrecision += ((hits - hitsBefore) * hits) / (hits + alarms);
    roc.push([alarms / negative.length, hits / positive.length]);
    if (hits > hitsBefore) precisions.push([hits / positive.length, hits / (hits + alarms)]);
  }
  return {
    auc: area / positive.length / negative.length,
    averagePrecision: averagePrecision / positive.length,
    roc: atSteps(roc),
    precisionRecall: precisionAtSteps(precisions),
  };
}

/** The curve at equal steps of x, by straight lines; where it rises vertically, its upper end. */
function atSteps(curve: readonly CurvePoint[]): CurvePoint[] {
  let at = 0;
  const points = Array.from({ length: STEPS + 1 }, (_, step): CurvePoint => {
    const x = step / STEPS;
    while (at < curve.length - 1 && curve[at + 1]![0] <= x) at++;
    const [[fromX, fromY], [toX, toY]] = [curve[at]!, curve[at + 1] ?? curve[at]!];
    return [x, toX === fromX ? fromY : fromY + ((toY - fromY) * (x - fromX)) / (toX - fromX)];
  });
  return [[0, 0], ...points];
}

/** The precision at the first limit that finds so many images. */
function precisionAtSteps(limits: readonly CurvePoint[]): CurvePoint[] {
  let at = 0;
  return Array.from({ length: STEPS + 1 }, (_, step): CurvePoint => {
    const recall = step / STEPS;
    while (limits[at]![0] < recall - 1e-12) at++;
    return [recall, limits[at]![1]];
  });
}

function meanOf(known: readonly ClassRanking[]): ClassRanking {
  const mean = (of: (each: ClassRanking) => number) => known.reduce((sum, each) => sum + of(each), 0) / known.length;
  const curve = (name: 'roc' | 'precisionRecall') =>
    known[0]![name].map(([x], point): CurvePoint => [x, mean((each) => each[name][point]![1])]);
  return {
    auc: mean(({ auc }) => auc),
    averagePrecision: mean((each) => each.averagePrecision),
    roc: curve('roc'),
    precisionRecall: curve('precisionRecall'),
  };
}
