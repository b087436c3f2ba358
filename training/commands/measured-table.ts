import { percent } from '#models/percent.ts';
import type { Calibration } from '../evaluation/calibration.ts';
import type { EvaluationReport } from '../evaluation/evaluation-report.ts';
import { fewImages } from '../evaluation/few-images.ts';

/** A terminal is some 100 columns wide: more classes have their confusion in the report and in the JSON only. */
const MOST_CLASSES = 16;
const MISTAKES = 8;

/** What was measured, for people. */
export function measuredTable(measured: EvaluationReport): string {
  const parts = [
    figures(measured),
    classTable(measured),
    measured.classes.length <= MOST_CLASSES ? confusionTable(measured) : [],
    calibrationTable(measured.calibration.after),
    mistakeTable(measured),
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function figures({
  version,
  runtime,
  images,
  plain,
  tta,
  selectiveTta,
  loss,
  top,
  recorded,
  golden,
  ...rest
}: EvaluationReport): string[] {
  const rows = [
    ['', 'measured', recorded ? 'recorded' : ''],
    ['plain', percent(plain), recorded ? percent(recorded.plain) : ''],
    ...(tta === undefined ? [] : [['with augmentation', percent(tta), recorded ? percent(recorded.tta) : '']]),
    ...(selectiveTta === undefined ? [] : [['with selective TTA', percent(selectiveTta), '']]),
    ['loss', loss.toFixed(4), recorded ? recorded.loss.toFixed(4) : ''],
    ...(top.k > 1 ? [[`among the best ${top.k}`, percent(top.accuracy), '']] : []),
    ['macro F1', percent(rest.macro.f1), ''],
    ['weighted F1', percent(rest.weighted.f1), ''],
    ...(rest.auc === undefined ? [] : [['ROC AUC', rest.auc.macro.toFixed(4), '']]),
    ['calibration error', percent(rest.calibration.after.error), ''],
    ['  uncalibrated', percent(rest.calibration.before.error), ''],
  ];
  const [low, high] = rest.interval95.map((end) => percent(end));
  return [
    `${version} on ${images.toLocaleString('en')} test images, by ${runtime}`,
    ...rows.map(([name, now, then]) => `  ${name!.padEnd(18)} ${now!.padStart(10)} ${then!.padStart(10)}`.trimEnd()),
    `  95 % interval of plain: ${low} to ${high}`,
    ...(golden === undefined
      ? []
      : [
          `  golden vectors: ${golden.difference <= golden.tolerance ? 'reproduced' : 'NOT reproduced'}, ` +
            `within ${golden.difference.toExponential(1)} of ${golden.tolerance}`,
        ]),
  ];
}

function classTable({ classes, byClass, confusion }: EvaluationReport): string[] {
  const width = widthOf(classes);
  const share = (value: number) => (100 * value).toFixed(1).padStart(10);
  return [
    `  ${'class'.padEnd(width)} ${'images'.padStart(7)} precision %  recall %  95 % of recall      F1 %   most often taken for`,
    ...classes.map((name, label) => {
      const { support, precision, recall, f1, interval95 } = byClass[name]!;
      if (interval95 === undefined) return `  ${name.padEnd(width)} no images`;
      const others = (confusion[label] ?? [])
        .map((count, answer) => ({ count, name: classes[answer]!, answer }))
        .filter(({ count, answer }) => answer !== label && count > 0)
        .sort((a, b) => b.count - a.count)
        .slice(0, 3)
        .map((other) => `${other.name} ${other.count}`);
      const interval = interval95.map((end) => (100 * end).toFixed(1)).join(' to ');
      return (
        `  ${name.padEnd(width)} ${support.toLocaleString('en').padStart(7)} ${share(precision)} ${share(recall)} ` +
        `${interval.padStart(15)} ${share(f1)}   ${others.join(', ')}`
      ).trimEnd();
    }),
    ...fewImages(classes.map((name) => byClass[name]!)).map((sentence) => `  ${sentence}`),
  ];
}

function confusionTable({ classes, confusion }: EvaluationReport): string[] {
  const width = widthOf(classes);
  const cell = Math.max(5, ...confusion.flat().map((count) => String(count).length + 1));
  const row = (name: string, cells: readonly string[]) =>
    `  ${name.padEnd(width)} ${cells.map((each) => each.slice(0, cell - 1).padStart(cell)).join('')}`;
  return [row('is / answer', classes), ...classes.map((name, label) => row(name, confusion[label]!.map(String)))];
}

function calibrationTable({ bins }: Calibration): string[] {
  return [
    '  given with          images     right',
    ...bins
      .filter(({ images }) => images > 0)
      .map(
        ({ from, to, images, accuracy }) =>
          `  ${`${Math.round(100 * from)} to ${Math.round(100 * to)} %`.padEnd(14)} ${images.toLocaleString('en').padStart(11)} ${percent(accuracy).padStart(9)}`,
      ),
  ];
}

function mistakeTable({ mistakes }: EvaluationReport): string[] {
  if (mistakes.length === 0) return [];
  return [
    '  the worst mistakes',
    ...mistakes
      .slice(0, MISTAKES)
      .map(
        ({ image, label, answer, confidence }) =>
          `  image ${String(image).padStart(5)}: ${label}, taken for ${answer} with ${percent(confidence)}`,
      ),
  ];
}

function widthOf(classes: readonly string[]): number {
  return Math.max(11, ...classes.map((name) => name.length));
}
