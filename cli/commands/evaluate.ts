import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import pc from 'picocolors';
import { NotFound, UsageError } from '#errors/user-error.ts';
import { bulkModelOf } from '#jobs/bulk/bulk-model.ts';
import { isVersionId, type VerifiedVersion } from '#models/versions.ts';
import {
  type EvaluateOptions,
  evaluateStored,
  evaluateCommand as evaluateStoredCommand,
  type MeasuredModel,
  openMeasured,
  show,
} from '#training/commands/evaluate.ts';
import { wholeNumber } from '#training/commands/option-parsers.ts';
import { progressLine } from '#training/commands/progress-line.ts';
import { slice } from '#training/data/dataset.ts';
import { PASSES } from '#training/evaluation/evaluate.ts';
import { areTestImagesOf, reportEvaluation } from '#training/evaluation/evaluation-report.ts';
import { measure } from '#training/evaluation/measure.ts';
import { chooseSource, sourceTargetOption } from '../endpoint/choose-source.ts';
import { type Endpoint, servedModel } from '../endpoint/endpoint.ts';
import { servedAnswers } from '../endpoint/served-answers.ts';
import { stageOption, type TargetName, type TargetOptions } from '../stack/target.ts';

interface Options extends EvaluateOptions {
  readonly endpoint?: string;
  readonly target?: TargetName;
  readonly stage?: TargetOptions['stage'];
  readonly apiKey?: string;
  readonly images?: number;
}

const help = `
Who answers: --endpoint if given, else --target; with --store a stored version. With none of them the
endpoint on LocalStack, if it is up, else this clone's store.

A stored version is verified, loaded as any TensorFlow.js program would load it, and evaluated on all
test images; on pictures of your own by the engine that "classify" would take. An endpoint gets them over HTTP; its accuracy must be within 0.1 points of its model's card.

[pictures] are your own, labelled: a folder with a folder for each class, or a .csv or .jsonl table. All of
them count, or those of the test split where there is one. They may be of some of the model's classes only.

Examples:
  ./cifar10 evaluate --store .cifar10/store              the last trained version in this clone
  ./cifar10 evaluate --report report                     with a report of the worst mistakes
  ./cifar10 evaluate production --store s3://my-bucket   the version that is served from a bucket
  ./cifar10 evaluate 20261123-0412-a1b2c3d4 --json       a version by its id, for a program
  ./cifar10 evaluate photos/                             on labelled pictures of your own
  ./cifar10 evaluate production photos/labels.csv        the same for another version, in a table
  ./cifar10 evaluate --endpoint http://127.0.0.1:8080    a running "cifar10 serve"
  ./cifar10 evaluate --target aws                        the endpoint in your AWS account

Exit codes: 0 done, 1 failed or the endpoint's accuracy differs from its card, 2 bad arguments.`;

/** A tenth of a point: rounding may turn a handful of 10,000 answers. */
const TOLERANCE = 0.001;
/** In place of a probability that was too small for single precision. */
const SMALLEST = 1e-30;

/** Whether two shares of so many images are within the tolerance. In whole images: a difference of fractions is not exact. */
export function isAsStated(measured: number, stated: number, images: number): boolean {
  return Math.abs(Math.round(measured * images) - Math.round(stated * images)) <= TOLERANCE * images;
}

export function evaluateCommand() {
  return evaluateStoredCommand()
    .description('Evaluate a stored version, or an endpoint, on the test images or on pictures of your own.')
    .argument('[pictures]', 'labelled pictures of your own (default: the test images)')
    .option('--endpoint <url>', 'evaluate the endpoint at this address; [version] is then one of its versions')
    .addOption(sourceTargetOption())
    .addOption(stageOption())
    .option('--api-key <key>', "the endpoint's API key (default: CIFAR10_API_KEY, or the target's)")
    .option('--images <number>', 'send only the first images to the endpoint', wholeNumber)
    .addHelpText('after', help)
    .action(run);
}

async function run(
  first: string | undefined,
  second: string | undefined,
  { store, ...given }: Options,
  command: Command,
): Promise<void> {
  const isStoreGiven = command.getOptionValueSource('store') !== 'default';
  const { version, pictures } = namedIn(first, second);
  if (pictures !== undefined && !existsSync(pictures)) {
    throw new NotFound(`${pictures} does not exist. Give a folder with a folder for each class, or a table.`);
  }
  if (pictures !== undefined && given.data !== undefined) {
    throw new UsageError(`--data names a data set, and ${pictures} is given too. Give one of them.`);
  }
  const options = { ...given, ...(pictures !== undefined && { pictures }) };
  const source = await chooseSource({ ...options, ...(isStoreGiven && { store }) });
  if ('endpoint' in source && options.tta !== undefined) {
    throw new UsageError(
      '--tta is about a stored version: an endpoint gets each image as it is. Leave it out, or give --store.',
    );
  }
  if ('endpoint' in source) return evaluateServed(version, source.endpoint, options);
  if (options.apiKey !== undefined || options.images !== undefined) {
    throw new UsageError('--api-key and --images are about an endpoint. Name one with --endpoint or --target.');
  }
  return evaluateStored(
    version,
    { ...options, store: source.store },
    pictures === undefined ? undefined : openAsClassifying,
  );
}

/** Pictures of a person's own are answered by the engine that `classify` would answer them by. */
async function openAsClassifying(version: VerifiedVersion, images: number): Promise<MeasuredModel> {
  const { openLogits } = await import('#jobs/bulk/open-logits.ts'); // Loads the engine, which errors need not wait for.
  const engine = await openLogits(bulkModelOf(version), PASSES * images);
  return { runtime: engine.describe(), predict: engine.logits, dispose: engine.close };
}

/** What one or two arguments name: a path that exists is pictures, unless it has the name of a usual alias. */
function namedIn(first: string | undefined, second: string | undefined) {
  if (second !== undefined || first === undefined || isUsualAlias(first)) return { version: first, pictures: second };
  const isPath = /[\\/]|\.(csv|jsonl)$/i.test(first) || existsSync(first);
  return isPath ? { version: undefined, pictures: first } : { version: first, pictures: undefined };
}

function isUsualAlias(name: string): boolean {
  return name === 'production' || name === 'candidate' || isVersionId(name);
}

/**
 * Sends the test images, or other pictures, to an endpoint, and prints how well it answers.
 *
 * @param name a version or alias. @default what it serves
 * @throws {UserError} the pictures are neither on this machine nor in the endpoint's bucket, or it does not answer
 */
export async function evaluateServed(
  name: string | undefined,
  endpoint: Endpoint,
  { images: most, ...options }: Omit<Options, 'store'>,
): Promise<void> {
  const card = await servedModel(endpoint, name);
  const { version, temperature } = card;
  const data = await openMeasured(card, options, await endpoint.store?.());
  if (most === 0) throw new UsageError('--images is 0. Give a number from 1.');
  const split = slice(data.test, 0, Math.min(data.test.count, most ?? data.test.count));
  const progress = progressLine();
  const began = performance.now();
  const answers = await servedAnswers(endpoint, split, {
    version,
    imageSize: data.images.size,
    classes: card.classes.length,
    onProgress(done) {
      const perSecond = (1000 * done) / (performance.now() - began);
      progress.show(`${done} of ${split.count} images answered, ${Math.round(perSecond)} a second`);
    },
  });
  progress.end();

  // The logits that these probabilities were made of, but for a number that is the same for all classes of an image.
  const logits = Float32Array.from(answers, (answer) => temperature * Math.log(Math.max(SMALLEST, answer)));
  const evaluation = measure(logits, split.labels, { classes: card.classes.length, temperature });
  await show(reportEvaluation(evaluation, { version, runtime: endpoint.url, card, data, split }), data, options);
  if (split.count !== card.accuracy.images || !areTestImagesOf(card, data)) return;
  const points = 100 * (evaluation.plain - card.accuracy.plain);
  const isEqual = isAsStated(evaluation.plain, card.accuracy.plain, split.count);
  const difference = `${Math.abs(points).toFixed(2)} points ${points < 0 ? 'below' : 'above'} that of its card`;
  process.stderr.write(
    isEqual
      ? `${pc.green('✓')} The endpoint's accuracy is that of its card, within ${100 * TOLERANCE} points.\n`
      : `${pc.red('✗')} The endpoint's accuracy is ${difference}. It does not serve the trained model.\n`,
  );
  if (!isEqual) process.exitCode = 1;
}
