import { percent } from '#models/percent.ts';
import type { Dataset } from '../../data/dataset.ts';
import type { EvaluationReport } from '../../evaluation/evaluation-report.ts';
import { classTable } from './class-table.ts';
import { confusionList, confusionMatrix } from './confusion.ts';
import { renderPage } from './page.ts';
import { mistakeGrid } from './pictures.ts';
import { operatingPoints, precisionRecallCurves, rocCurves } from './ranking-curves.ts';
import { reliabilityDiagram } from './reliability.ts';

/** What `evaluate` found, in one self-contained file, with the worst mistakes as pictures. */
export function evaluationReport(measured: EvaluationReport, data: Dataset): string {
  const { version, runtime, classes, images, plain, tta, top, recorded, golden, calibration, ranking } = measured;
  const figures = classes.map((name) => measured.byClass[name]!);
  const operating = operatingPoints(figures);
  const confusions = measured.confusions.map(({ label, answer, images: count }) => {
    return { label: classes.indexOf(label), answer: classes.indexOf(answer), images: count };
  });
  const [low, high] = measured.interval95.map((end) => percent(end));
  const mistakes = measured.mistakes.map(({ label, answer, ...mistake }) => {
    return { ...mistake, label: classes.indexOf(label), answer: classes.indexOf(answer) };
  });
  return renderPage({
    title: version,
    subtitle: `On ${images.toLocaleString('en')} test images of ${measured.data}, by ${runtime}`,
    figures: [
      { name: 'Test accuracy', value: percent(plain), note: `95 %: ${low} to ${high}` },
      ...(tta === undefined
        ? []
        : [{ name: 'With augmentation', value: percent(tta), note: 'mean of six views of each image' }]),
      ...(top.k > 1 ? [{ name: `Among the best ${top.k}`, value: percent(top.accuracy), note: 'top-k accuracy' }] : []),
      { name: 'Macro F1', value: percent(measured.macro.f1), note: 'the mean of the classes' },
      {
        name: 'Calibration error',
        value: percent(calibration.after.error),
        note: `${percent(calibration.before.error)} uncalibrated`,
      },
    ],
    sections: [
      {
        title: 'Quality',
        pictures: [
          confusionMatrix(classes, measured.confusion),
          confusionList(
            classes,
            confusions,
            figures.map(({ support }) => support),
          ),
          reliabilityDiagram(calibration, measured.temperature),
        ].filter((svg) => svg !== undefined),
      },
      {
        title: 'Classes',
        pictures: ranking
          ? [
              rocCurves(classes, ranking, operating?.roc),
              precisionRecallCurves(classes, ranking, operating?.precisionRecall),
            ]
          : [],
        table: classTable(classes, { ...measured, figures }),
      },
      { title: 'Mistakes', pictures: mistakes.length > 0 ? [mistakeGrid(data, mistakes)] : [] },
    ],
    facts: {
      Loss: measured.loss.toFixed(4),
      ...(recorded && {
        Recorded: `${percent(recorded.plain)} plain, ${percent(recorded.tta)} with augmentation, loss ${recorded.loss.toFixed(4)}, on ${recorded.images.toLocaleString('en')} images`,
      }),
      ...(golden && {
        'Golden vectors': `within ${golden.difference.toExponential(1)}; tolerance ${golden.tolerance}`,
      }),
    },
  });
}
