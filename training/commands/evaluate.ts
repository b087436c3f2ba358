import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { resolveVersion } from '#models/aliases.ts';
import { goldenDifference, goldenPixels } from '#models/golden.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { readVersion } from '#models/versions.ts';
import type { Dataset } from '../data/dataset.ts';
import { loadTestImages } from '../datasets/test-images.ts';
import { evaluate } from '../evaluation/evaluate.ts';
import { describeFound, type Measured } from '../evaluation/measured.ts';
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
}

/** Of a stored version, which is what a container can measure; the command line's own knows endpoints besides. */
export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('Measure a stored version on the test images.')
    .argument('[version]', 'a version or an alias (default: candidate)')
    .option('--store <store>', 'a folder or s3://<bucket>', defaultStore)
    .option('--report <folder>', 'write evaluation.html there: the worst mistakes with their pictures')
    .option('--json', 'print JSON')
    .action(evaluateStored);
}

/** The version is verified, loaded as any TensorFlow.js program would load it, and measured on all test images. */
export async function evaluateStored(name: string | undefined, options: EvaluateOptions): Promise<void> {
  const store = await openObjectStore(options.store);
  const version = await readVersion(store, await resolveVersion(store, name ?? 'candidate'));
  const { card, golden } = version;
  const data = await loadTestImages(card);
  const { openStoredModel } = await import('../evaluation/stored-model.ts'); // Loads TensorFlow.js, which errors need not wait for.

  const model = await openStoredModel(version);
  const classes = card.classes.length;
  const answers = probabilities(model.predict(goldenPixels(golden)), classes, card.temperature);
  const progress = progressLine();
  const { logits, tta, ...measurement } = await evaluate(model.predict, data.test, {
    imageSize: data.images.size,
    classes,
    temperature: card.temperature,
    onProgress: (share) => progress.show(`measuring, ${Math.round(100 * share)} %`),
  });
  progress.end();
  model.dispose();

  const found = { version: version.id, runtime: model.runtime, card, data, split: data.test, logits, measurement, tta };
  const reproduced = { difference: goldenDifference(golden, answers), tolerance: golden.tolerance };
  await show(describeFound({ ...found, golden: reproduced }), data, options);
}

/** Prints what was found, and writes the report that was asked for. */
export async function show(measured: Measured, data: Dataset, { json, report }: ShowOptions): Promise<void> {
  process.stdout.write(json ? `${JSON.stringify(measured, undefined, 2)}\n` : measuredTable(measured));
  if (report === undefined) return;
  const path = join(report, 'evaluation.html');
  await mkdir(report, { recursive: true });
  const { evaluationReport } = await import('../record/report/evaluation-report.ts');
  await writeFile(`${path}.draft`, evaluationReport(measured, data));
  await rename(`${path}.draft`, path);
  process.stderr.write(`The report is ${path}\n`);
}
