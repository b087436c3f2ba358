import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { makeFolder } from '#environment/make-folder.ts';
import { UserError } from '#errors/user-error.ts';
import { resolveVersion } from '#models/aliases.ts';
import type { Card } from '#models/card.ts';
import { goldenDifference, goldenPixels } from '#models/golden.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { readVersion, type VerifiedVersion } from '#models/versions.ts';
import type { Dataset } from '../data/dataset.ts';
import { openLabelledPictures } from '../datasets/labelled-pictures.ts';
import { openTestImages } from '../datasets/test-images.ts';
import { evaluate, evaluatePlainly, evaluateSelectively } from '../evaluation/evaluate.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import { type EvaluationReport, reportEvaluation } from '../evaluation/evaluation-report.ts';
import { probabilities } from '../evaluation/temperature.ts';
import { measuredTable } from './measured-table.ts';
import { progressLine } from './progress-line.ts';

interface ShowOptions {
  readonly json?: boolean;
  /** A folder. */
  readonly report?: string;
}

export interface EvaluateOptions extends ShowOptions {
  readonly store: string;
  readonly data?: string;
  /** A folder or table of a person's own labelled pictures, instead of a data set's test images. */
  readonly pictures?: string;
  /** Of which images six views are averaged. @default all */
  readonly tta?: keyof typeof evaluations;
}

/** By the images of which six views are averaged. */
const evaluations = { all: evaluate, selective: evaluateSelectively, none: evaluatePlainly };

/** Measures a stored version, which is what a container can do; the command line's own command measures endpoints too. */
export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('Measure a stored version on the test images.')
    .argument('[version]', 'a version or an alias (default: candidate)')
    .option('--store <store>', 'a folder or s3://<bucket>', defaultStore)
    .option('--data <where>', 'a data set with test images of the same classes (default: the one it was trained on)')
    .addOption(
      new Option(
        '--tta <images>',
        'average six views: of all images, of the quarter that it is least sure of (selective, 2.25 views an image), or of none (default: all)',
      ).choices(Object.keys(evaluations)),
    )
    .option('--report <folder>', 'write evaluation.html there: the worst mistakes, with their images')
    .option('--json', 'print JSON')
    .action((name: string | undefined, options: EvaluateOptions) => evaluateStored(name, options));
}

/** A version's network, to be measured. */
export interface MeasuredModel {
  /** What runs it, for reports. */
  readonly runtime: string;
  /** @param images `[N, H, W, C]` uint8 @returns logits `[N, classes]` */
  predict(images: Uint8Array): Float32Array | Promise<Float32Array>;
  dispose(): void | Promise<void>;
}

/**
 * Verifies a version, and measures it on all test images.
 *
 * @param open the version, to measure it on so many images. @default as any TensorFlow.js program would load it
 */
export async function evaluateStored(
  name: string | undefined,
  options: EvaluateOptions,
  open: (version: VerifiedVersion, images: number) => Promise<MeasuredModel> = openStored,
): Promise<void> {
  const store = await openObjectStore(options.store);
  const version = await readVersion(store, await resolveVersion(store, name ?? 'candidate'));
  const { card, golden } = version;
  const data = await openMeasured(card, options, store);

  const model = await open(version, data.test.count);
  const classes = card.classes.length;
  const answers = probabilities(await model.predict(goldenPixels(golden)), classes, card.temperature);
  const progress = progressLine();
  const evaluation: Evaluation = await evaluations[options.tta ?? 'all'](model.predict, data.test, {
    imageSize: data.images.size,
    classes,
    temperature: card.temperature,
    onProgress: (share) => progress.show(`measuring, ${Math.round(100 * share)} %`),
  });
  progress.end();
  await model.dispose();

  const reproduced = { difference: goldenDifference(golden, answers), tolerance: golden.tolerance };
  const subject = { version: version.id, runtime: model.runtime, card, data, split: data.test, golden: reproduced };
  await show(reportEvaluation(evaluation, subject), data, options);
}

async function openStored(version: VerifiedVersion): Promise<MeasuredModel> {
  const { openStoredModel } = await import('../evaluation/stored-model.ts'); // Loads TensorFlow.js, which errors need not wait for.
  return openStoredModel(version);
}

/**
 * What a model is measured on.
 *
 * @param store of the model: the pictures of a training job are there, too
 */
export async function openMeasured(
  card: Pick<Card, 'name' | 'classes' | 'input' | 'data'>,
  { data, pictures }: Pick<EvaluateOptions, 'data' | 'pictures'>,
  store?: ObjectStore,
): Promise<Dataset> {
  if (pictures === undefined) return openTestImages(card, { name: data, store });
  const line = progressLine();
  const log = (text: string) => process.stderr.write(`${text}\n`);
  return openLabelledPictures(pictures, card, { log, progress: line.show }).finally(line.end);
}

/** Prints an evaluation, and writes the report that was asked for. */
export async function show(evaluation: EvaluationReport, data: Dataset, { json, report }: ShowOptions): Promise<void> {
  const { ranking: _, ...figures } = evaluation; // The curves are for the report.
  process.stdout.write(json ? `${JSON.stringify(figures, undefined, 2)}\n` : measuredTable(evaluation));
  if (report === undefined) return;
  const path = join(report, 'evaluation.html');
  const { evaluationReport } = await import('../record/report/evaluation-report.ts');
  const html = evaluationReport(evaluation, data);
  try {
    await makeFolder(report);
    await writeFile(`${path}.draft`, html);
    await rename(`${path}.draft`, path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(`${path} could not be written (${code ?? message}). Give another folder for --report.`, {
      cause: error,
    });
  }
  process.stderr.write(`The report is ${path}\n`);
}
