import { Command, Option } from 'commander';
import { NotFound, UsageError, UserError } from '#errors/user-error.ts';
import type { ClassifyAnswer } from '#inference/http/answers.ts';
import { chooseSource, namingServers, type SourceOptions, sourceTargetOption } from '../endpoint/choose-source.ts';
import { classifyImage, type Endpoint, NoSuchVersion, Refused, Unreachable } from '../endpoint/endpoint.ts';
import { findPictures, readPicture } from '../endpoint/find-pictures.ts';
import { mapInOrder } from '../terminal/map-in-order.ts';
import { type AnswerFormat, answerFormats, printerFor } from './classify-formats.ts';

interface Options extends SourceOptions {
  readonly version?: string;
  readonly topK?: number;
  readonly strict?: boolean;
  readonly format?: AnswerFormat;
  readonly json?: boolean;
}

const examples = `
Who answers: --endpoint if given, else --target; with --store this process itself. With none of them the
endpoint on LocalStack, if it is up, else this clone's store.

Of a folder all pictures are classified, those in its folders too, in natural order.

Examples:
  ./cifar10 classify photo.png                                    by LocalStack, or this clone's model
  ./cifar10 classify photos/ --format csv > answers.csv           all pictures of a folder
  ./cifar10 classify --store .cifar10/store photo.png             by a store's model, without an endpoint
  ./cifar10 classify --target aws *.jpg                           by the endpoint in your AWS account
  ./cifar10 classify --endpoint http://127.0.0.1:8080 photo.png   by "cifar10 serve", for example
  ./cifar10 classify --json photo.png | jq .label                 one line of JSON per picture

Exit codes: 0 done, 1 a picture could not be classified, 2 bad arguments, or none of the files exists.`;

/** Requests in flight at a time. */
const PARALLEL = 4;

export function classifyCommand(): Command {
  return new Command('classify')
    .description('Classify pictures: PNG, JPEG, WebP, or raw RGB.')
    .argument('<files...>', 'pictures, or folders of pictures; - reads one from standard input')
    .option('--endpoint <url>', 'ask the endpoint at this address')
    .addOption(sourceTargetOption())
    .option('--store <store>', 'answer in this process, by the model of a folder or s3://<bucket>')
    .option('--api-key <key>', "the endpoint's API key (default: CIFAR10_API_KEY, or the target's)")
    .option('--version <version>', 'a version or an alias (default: the served one)')
    .option('--top-k <number>', 'number of classes to show (default: 5)', toCount)
    .option('--strict', "refuse pictures that do not have the model's size")
    .addOption(new Option('--format <format>', 'how answers are printed (default: text)').choices(answerFormats))
    .option('--json', 'print JSON lines, as --format jsonl')
    .addHelpText('after', examples)
    .action(classify);
}

async function classify(paths: readonly string[], { format: given, json, ...options }: Options): Promise<void> {
  if (json && given !== undefined && given !== 'jsonl')
    throw new UsageError(`--json is jsonl, and --format is ${given}.`);
  const { pictures, others } = await findPictures(paths);
  const isAny = pictures.some(({ problem }) => problem === undefined);
  const endpoint = isAny ? await openSource(options) : undefined;
  const outcomes = mapInOrder(pictures, endpoint?.answer ? 1 : PARALLEL, async ({ file, problem }) => {
    if (problem || !endpoint) return problem!;
    return orProblem(async () => classifyImage(endpoint, await readPicture(file), options));
  });
  const print = printerFor(json ? 'jsonl' : (given ?? 'text'), { files: pictures.map(({ file }) => file), ...options });
  for await (const [{ file }, outcome] of outcomes) {
    if (outcome instanceof UserError) process.exitCode = 1;
    print(file, outcome);
  }
  if (others > 0) process.stderr.write(`${others} other ${others === 1 ? 'file is' : 'files are'} no pictures.\n`);
  const [first] = pictures;
  if (first?.problem && pictures.every(({ problem }) => problem instanceof NotFound)) {
    process.exitCode = first.problem.exitCode;
  }
}

/** The answer, or why this picture has none. @throws what no other picture would change */
async function orProblem(work: () => Promise<ClassifyAnswer>): Promise<ClassifyAnswer | UserError> {
  try {
    return await work();
  } catch (error) {
    const concernsAll =
      error instanceof Unreachable ||
      error instanceof NoSuchVersion ||
      (error instanceof Refused && ['no-model-yet', 'bad-parameter'].includes(error.problem.code));
    if (error instanceof UserError && !concernsAll) return error;
    throw error;
  }
}

async function openSource(options: Options): Promise<Endpoint> {
  const source = await chooseSource(options);
  if ('endpoint' in source) return source.endpoint;
  const { openInProcess } = await import('../endpoint/in-process.ts'); // Loads the engine, which an endpoint has itself.
  const endpoint = await openInProcess(source.store).catch(async (error: unknown) => {
    throw options.store === undefined ? await namingServers(error) : error;
  });
  if (endpoint.alias !== 'production' && options.version === undefined) {
    process.stderr.write(`No version was promoted in ${source.store}: "${endpoint.alias}" answers, trained last.\n`);
  }
  return endpoint;
}

function toCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`--top-k is ${JSON.stringify(text)}. Give a whole number from 1.`);
  return Number(text);
}
