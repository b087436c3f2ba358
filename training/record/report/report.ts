import { type Card, parentName } from '#models/card.ts';
import { describeParent } from '#models/describe-parent.ts';
import { percent } from '#models/percent.ts';
import { isVarying } from '../../data/augmentation.ts';
import type { Dataset } from '../../data/dataset.ts';
import { holdOut } from '../../data/hold-out.ts';
import type { Evaluation } from '../../evaluation/evaluation.ts';
import type { ExplainedMistake } from '../../evaluation/explain-mistakes.ts';
import { topClasses, worstMistakes } from '../../evaluation/measure.ts';
import { probabilities } from '../../evaluation/temperature.ts';
import { countWeights, layerTable } from '../../nets/layer-table.ts';
import type { NamedTensor } from '../../nets/named-tensor.ts';
import type { Net } from '../../nets/net.ts';
import type { Recipe } from '../../recipe/recipes.ts';
import { fromStoredSettings } from '../../recipe/stored-settings.ts';
import { type HistoryRow, historyCsv } from '../history.ts';
import { attentionGrid } from './attention.ts';
import { classTable } from './class-table.ts';
import { confusionList, confusionMatrix } from './confusion.ts';
import { accuracyCurve, learningRateCurve, lossCurve } from './curves.ts';
import { renderPage } from './page.ts';
import { augmentationGrid, classGrid, filterGrid, mistakeGrid, sampleGrid } from './pictures.ts';
import { operatingPoints, precisionRecallCurves, rocCurves } from './ranking-curves.ts';
import { reliabilityDiagram } from './reliability.ts';
import { reproduceCommands } from './reproduce.ts';
import { standalone } from './svg.ts';

export interface Report {
  readonly card: Card;
  readonly settings: Recipe;
  readonly data: Dataset;
  readonly history: readonly HistoryRow[];
  /** The evaluation on the test set. */
  readonly evaluation: Evaluation & { readonly tta: number };
  /** Some of its worst mistakes. */
  readonly explained: readonly ExplainedMistake[];
  readonly net: Net;
  readonly weights: readonly NamedTensor[];
}

const MISTAKES = 24;

/**
 * The report of a run: `report.html`, which is self-contained, its pictures as separate files, and the history as CSV.
 *
 * @returns files by their path within the run; the same run gives the same files
 */
export function reportFiles(report: Report): Map<string, Uint8Array> {
  const pictures = drawPictures(report);
  const files = new Map([
    ['history.csv', historyCsv(report.history)],
    ['report.html', reportPage(report, pictures)],
  ]);
  for (const [name, svg] of Object.entries(pictures)) {
    if (svg !== undefined) files.set(`report/${name}.svg`, standalone(svg));
  }
  return new Map([...files].map(([path, body]) => [path, Buffer.from(body)]));
}

type Pictures = ReturnType<typeof drawPictures>;

function drawPictures({ card, settings, data, history, evaluation, explained, net, weights }: Report) {
  const { classes, temperature, seed } = card;
  const { logits } = evaluation;
  const answers = probabilities(logits, classes.length, temperature);
  const learned = { history, test: evaluation };
  const { train } = holdOut(data, settings.heldOut);
  const { ranking, figures } = evaluation;
  const operating = operatingPoints(figures);
  return {
    loss: lossCurve(learned),
    accuracy: accuracyCurve(learned),
    'learning-rate': learningRateCurve(learned),
    confusion: confusionMatrix(classes, evaluation.confusion),
    confusions: confusionList(
      classes,
      evaluation.confusions,
      figures.map(({ support }) => support),
    ),
    roc: ranking && rocCurves(classes, ranking, operating?.roc),
    'precision-recall': ranking && precisionRecallCurves(classes, ranking, operating?.precisionRecall),
    reliability: reliabilityDiagram(evaluation.calibration, temperature),
    mistakes: mistakeGrid(data, worstMistakes(answers, data.test.labels, MISTAKES)),
    attention: attentionGrid(data, explained),
    samples: sampleGrid(data, topClasses(logits, classes.length), seed),
    classes: classGrid(data, seed),
    augmentation: isVarying(settings) ? augmentationGrid(data, train, settings, seed) : undefined,
    filters: filterGrid(net, weights),
  };
}

function reportPage({ card, history, evaluation, net }: Report, pictures: Pictures): string {
  const { accuracy, recipe, data, host, seed } = card;
  const last = history.at(-1);
  const [low, high] = accuracy.interval95.map((end) => percent(end));
  const { before, after } = evaluation.calibration;
  const shown = (...names: (keyof Pictures)[]) => names.flatMap((name) => pictures[name] ?? []);
  return renderPage({
    title: `${recipe.name} on ${data.name}`,
    subtitle: `Run ${card.run}, ${card.createdAt.replace('T', ' ').slice(0, 16)} UTC`,
    figures: [
      { name: 'Test accuracy', value: percent(accuracy.plain), note: `95 %: ${low} to ${high}` },
      { name: 'With augmentation', value: percent(accuracy.tta), note: 'mean of six views of each image' },
      ...(evaluation.top.k > 1
        ? [
            {
              name: `Among the best ${evaluation.top.k}`,
              value: percent(evaluation.top.accuracy),
              note: 'top-k accuracy',
            },
          ]
        : []),
      { name: 'Macro F1', value: percent(evaluation.macro.f1), note: 'the mean of the classes' },
      { name: 'Calibration error', value: percent(after.error), note: `${percent(before.error)} uncalibrated` },
      { name: 'Training', value: seconds(card.trainingSeconds), note: `${seconds(card.wallSeconds)} in all` },
      { name: 'Parameters', value: count(card.parameters), note: `for ${card.classes.length} classes` },
    ],
    sections: [
      { title: 'Training', pictures: shown('loss', 'accuracy', 'learning-rate', 'filters') },
      { title: 'Quality', pictures: shown('confusion', 'confusions', 'reliability') },
      {
        title: 'Classes',
        pictures: shown('roc', 'precision-recall'),
        table: classTable(card.classes, evaluation),
      },
      { title: 'Predictions', pictures: shown('samples', 'mistakes', 'attention') },
      { title: 'Data', pictures: shown('classes', 'augmentation') },
    ],
    network: { layers: layerTable(net), weights: countWeights(net) },
    facts: {
      Recipe: `${recipe.name}, seed ${seed}, ${trim(card.epochs)} ${card.epochs === 1 ? 'epoch' : 'epochs'}, ${count(last?.step ?? 0)} steps`,
      ...(card.imageSteps !== undefined && {
        'Images of all steps': `${count(card.imageSteps)}, counted by their operations in whole-size images`,
      }),
      ...(card.parent && { 'Began with': describeParent(card.parent, parentName(card.parent)) }),
      Data: `${data.name}, ${count(data.heldOut)} training images held out for validation, ${count(accuracy.images)} test images`,
      'SHA-256 of the data': Object.entries(data.sha256)
        .map(([split, sha256]) => `${split} ${sha256}`)
        .join(', '),
      'Test loss': card.loss.toFixed(4),
      Temperature: card.temperature.toFixed(4),
      Engine: card.engine,
      Machine: [
        ...(host.gpu ? [host.gpu] : []),
        host.cpu,
        `${host.cores} cores`,
        `${(host.memory / 2 ** 30).toFixed(0)} GiB`,
      ].join(', '),
      Source: card.commit ?? 'not a git checkout',
      Settings: Object.entries(fromStoredSettings(recipe.settings))
        .map(([key, value]) => `${key}=${value}`)
        .join(', '),
      Run: card.run,
    },
    reproduce: reproduceCommands(card),
  });
}

function seconds(value: number): string {
  return value < 100 ? `${value.toFixed(1)} s` : `${Math.round(value)} s`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function trim(value: number): string {
  return String(Math.round(100 * value) / 100);
}
