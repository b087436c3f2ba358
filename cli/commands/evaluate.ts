import { Option } from 'commander';
import pc from 'picocolors';
import { UsageError } from '#errors/user-error.ts';
import {
  type EvaluateOptions,
  evaluateStored,
  evaluateCommand as evaluateStoredCommand,
  show,
} from '#training/commands/evaluate.ts';
import { wholeNumber } from '#training/commands/option-parsers.ts';
import { progressLine } from '#training/commands/progress-line.ts';
import { slice } from '#training/data/dataset.ts';
import { openTestImages } from '#training/datasets/test-images.ts';
import { areTestImagesOf, reportEvaluation } from '#training/evaluation/evaluation-report.ts';
import { measure } from '#training/evaluation/measure.ts';
import { openEndpoint, servedModel } from '../endpoint/endpoint.ts';
import { servedAnswers } from '../endpoint/served-answers.ts';
import type { TargetName } from '../stack/target.ts';

interface Options extends EvaluateOptions {
  readonly endpoint?: string;
  readonly target?: TargetName;
  readonly apiKey?: string;
  readonly images?: number;
}

const help = `
A stored version is verified, loaded as any TensorFlow.js program would load it, and measured on all test images. An
endpoint is sent all of them over HTTP, and must come within a tenth of a point of what its model's card says.

Examples:
  ./cifar10 evaluate                                     the last one that was trained, from .cifar10/store
  ./cifar10 evaluate --report report                     the same, with pictures of its worst mistakes
  ./cifar10 evaluate production --store s3://my-bucket   what an endpoint should serve
  ./cifar10 evaluate 20261123-0412-a1b2c3d4 --json       a version by its id, for a program
  ./cifar10 evaluate --endpoint http://127.0.0.1:8080    what "cifar10 serve" answers
  ./cifar10 evaluate --target aws                        what the endpoint in your AWS account answers

Ends with 1 if an endpoint answers worse, or better, than its model's card says.`;

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
    .description('Measure a stored version, or what an endpoint serves, on the test images.')
    .option('--endpoint <url>', 'ask an endpoint by its address; [version] is then one that it knows')
    .addOption(new Option('--target <target>', 'ask the endpoint that is deployed there').choices(['local', 'aws']))
    .option('--api-key <key>', 'of the endpoint (default: CIFAR10_API_KEY, or the one of the target)')
    .option('--images <number>', 'ask an endpoint about the first so many only', wholeNumber)
    .addHelpText('after', help)
    .action(run);
}

async function run(version: string | undefined, options: Options): Promise<void> {
  const { endpoint, target, apiKey, images } = options;
  if (endpoint !== undefined || target !== undefined) return evaluateServed(version, options);
  if (apiKey !== undefined || images !== undefined) {
    throw new UsageError('--api-key and --images are about an endpoint. Name one with --endpoint or --target.');
  }
  return evaluateStored(version, options);
}

async function evaluateServed(name: string | undefined, { images: most, ...options }: Options): Promise<void> {
  const endpoint = await openEndpoint({ target: 'local', ...options });
  const card = await servedModel(endpoint, name);
  const { version, temperature } = card;
  const data = await openTestImages(card, { name: options.data });
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
  const difference = `${Math.abs(points).toFixed(2)} points ${points < 0 ? 'below' : 'above'} what its card says`;
  process.stderr.write(
    isEqual
      ? `${pc.green('✓')} The endpoint is as good as its card says, within ${100 * TOLERANCE} points.\n`
      : `${pc.red('✗')} The endpoint is ${difference}. It does not serve what was trained.\n`,
  );
  if (!isEqual) process.exitCode = 1;
}
