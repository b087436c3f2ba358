import { once } from 'node:events';
import { Command, Option } from 'commander';
import { NotFound, UsageError } from '#errors/user-error.ts';
import { FEW } from '#jobs/bulk/few.ts';
import { type AnswerFormat, answerFormats, headerOf, widthFor } from '#jobs/bulk/formats.ts';
import { type RowOptions, toRow } from '#jobs/bulk/row.ts';
import { classFolders } from '#jobs/bulk/sorted-copies.ts';
import { withLock } from '#setup/cache.mjs';
import { progressLine } from '#training/commands/progress-line.ts';
import { AnswersFile, type Job } from '../classify/answers-file.ts';
import type { ArrayOptions } from '../classify/array/classify-array.ts';
import { countPictures, type FoundPicture, findPictures } from '../classify/find-pictures.ts';
import { formatOf } from '../classify/format-of.ts';
import { onInterruption } from '../classify/interruption.ts';
import { rateLine } from '../classify/pictures-rate.ts';
import { makeSortFolder } from '../classify/sort-folder.ts';
import { endpointSource, localSource, type PictureSource } from '../classify/sources.ts';
import { chooseSource, namingServers, type SourceOptions, sourceTargetOption } from '../endpoint/choose-source.ts';
import { servedModel } from '../endpoint/endpoint.ts';
import { stageOption } from '../stack/target.ts';

interface Options extends SourceOptions, ArrayOptions {
  readonly sortInto?: string;
  readonly array?: boolean;
}

const examples = `
Who answers: --endpoint if given, else --target; with --store this process itself, on all cores. With none of
them the endpoint on LocalStack, if it is up, else this clone's store.

Of a folder all pictures are classified, those in its folders too, in natural order. A picture that cannot be
read is a row with its error. --out and --sort-into resume: after an interruption, run the same command again.

Examples:
  ./cifar10 classify photo.png                                    by LocalStack, or this clone's model
  ./cifar10 classify photos/ --out answers.csv                    all pictures of a folder, into a file
  ./cifar10 classify photos/ --sort-into sorted/                  copied to sorted/cat/…, sorted/dog/…
  ./cifar10 classify photos/ --format csv > answers.csv           all pictures of a folder, to a pipe or file
  ./cifar10 classify --store .cifar10/store photo.png             by a store's model, without an endpoint
  ./cifar10 classify --target aws *.jpg                           by the endpoint in your AWS account
  ./cifar10 classify --endpoint http://127.0.0.1:8080 photo.png   by "cifar10 serve", for example
  ./cifar10 classify --json photo.png | jq .label                 one line of JSON per picture
  ./cifar10 classify s3://my-photos/2026 --array --target aws     a million, by jobs of AWS Batch
  ./cifar10 classify photos/ --array --store .cifar10/store       the same plan, by processes of this machine

Exit codes: 0 done, 1 a picture could not be classified or copied, 2 bad arguments, or none of the files exists,
130 interrupted.`;

export function classifyCommand(): Command {
  return new Command('classify')
    .description('Classify pictures: PNG, JPEG, WebP, or raw RGB.')
    .argument('[files...]', 'pictures, or folders of pictures; - reads one from standard input; s3://… with --array')
    .option('--endpoint <url>', 'ask the endpoint at this address')
    .addOption(sourceTargetOption())
    .addOption(stageOption())
    .option('--store <store>', 'answer in this process, by the model of a folder or s3://<bucket>')
    .option('--api-key <key>', "the endpoint's API key (default: CIFAR10_API_KEY, or the target's)")
    .option('--version <version>', 'a version or an alias (default: the served one)')
    .option('--top-k <number>', 'number of classes to show (default: 5)', toCount)
    .option('--strict', "refuse pictures that do not have the model's size")
    .addOption(new Option('--format <format>', 'how answers are printed (default: text)').choices(answerFormats))
    .option('--json', 'print JSON lines, as --format jsonl')
    .option('--out <file>', 'write the answers to a .csv or .jsonl file; resumes')
    .option('--sort-into <folder>', 'copy each picture into a folder of its class there; replaces nothing')
    .option('--array', 'classify the pictures of a bucket by many jobs; with --store by processes of this machine')
    .option('--list <file>', 'with --array: a file of keys or addresses, one a line, or a .csv or .jsonl table')
    .option('--at-most <n>', 'with --array: the most jobs at once (default: as many as the stack has room for)', toJobs)
    .option('-y, --yes', 'with --array: do not ask')
    .addHelpText('after', examples)
    .action(classify);
}

async function classify(paths: readonly string[], options: Options): Promise<void> {
  if (options.array) {
    checkArrayOptions(options);
    const { classifyArray } = await import('../classify/array/classify-array.ts');
    process.exitCode = await classifyArray(paths, options);
    return;
  }
  checkPaths(paths, options);
  const { out } = options;
  const format = formatOf(options, 'text');
  if (out === undefined) return classifyAll(paths, format, options);
  const onWait = ({ pid }: { readonly pid: number }) => {
    process.stderr.write(`Process ${pid} is writing ${out}: waiting for it.\n`);
  };
  await withLock(`${out}.part.lock`, () => classifyAll(paths, format, options), { onWait });
}

/** @throws {UsageError} an option is for answers of one process or endpoint */
function checkArrayOptions({ endpoint, apiKey, sortInto }: Options): void {
  const given = Object.entries({ '--endpoint': endpoint, '--api-key': apiKey, '--sort-into': sortInto });
  const [name] = given.find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) throw new UsageError(`--array has no ${name}: its jobs write a table. Leave it out.`);
}

/** @throws {UsageError} there are no pictures, or pictures and options of an array */
function checkPaths(paths: readonly string[], { list, atMost, yes }: Options): void {
  const given = Object.entries({ '--list': list, '--at-most': atMost, '--yes': yes });
  const [name] = given.find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) throw new UsageError(`${name} needs --array. Add it.`);
  if (paths.length === 0)
    throw new UsageError('Nothing says which pictures. Give files or folders, or - for standard input.');
  const place = paths.find((path) => path.startsWith('s3://'));
  if (place === undefined) return;
  throw new UsageError(
    `${place} is in a bucket. Add --array to classify it by jobs, or --array --store <folder> by processes of this machine.`,
  );
}

/** Names that the width of a column is chosen by. */
const SEEN_AHEAD = 500;

async function classifyAll(paths: readonly string[], format: AnswerFormat, options: Options): Promise<void> {
  const { out, sortInto, topK } = options;
  const passed = { others: 0 };
  const { head, isAll, pictures } = await lookAhead(findPictures(paths, passed));
  const isFew = isAll && head.length <= FEW;
  const isAny = !isAll || head.some(({ problem }) => problem === undefined);
  const count = async () => (isAll ? head.length : countPictures(paths));
  const source = isAny ? await openSource(options, count) : undefined;
  const folder = sortInto === undefined ? undefined : await makeSortFolder(sortInto, paths);
  const rowOptions: RowOptions = {
    ...{ format, topK, width: widthFor(head.map(({ file }) => file)) },
    ...(folder !== undefined && source && { sorted: { folder, classes: classFolders(await source.classes()) } }),
  };
  const header = headerOf(rowOptions);
  const answers =
    out !== undefined && source
      ? await AnswersFile.open(out, { job: jobOf(paths, format, source, options), format, header })
      : undefined;
  if (!answers) await print(header);

  const interruption = onInterruption();
  const { signal } = interruption;
  const progress = progressFor(paths, out === undefined);
  let [done, failed, conflicts] = [0, 0, 0];
  const wanted = answers ? answers.missing(pictures) : pictures;
  try {
    for await (const rows of source ? source.rows(wanted, rowOptions) : problemRows(wanted, rowOptions)) {
      const toOutput = rows.filter(({ isFailed }) => !isFailed || format !== 'text').map(({ text }) => text);
      await (answers ? answers.write(toOutput.join('')) : print(toOutput.join('')));
      for (const { text, isFailed, conflict } of rows) {
        if (isFailed && format === 'text') process.stderr.write(text);
        if (conflict !== undefined) process.stderr.write(`${conflict}\n`);
        failed += Number(isFailed);
        conflicts += Number(conflict !== undefined);
      }
      done += rows.length;
      progress.show(done, answers?.before.rows ?? 0);
      if (signal.aborted) break;
    }
    if (!signal.aborted) await answers?.finish();
  } finally {
    progress.end();
    interruption.release();
    await answers?.close();
  }

  const before = answers?.before ?? { rows: 0, failed: 0 };
  if (failed + before.failed + conflicts > 0) process.exitCode = 1;
  if (signal.aborted) {
    const next = out === undefined && sortInto === undefined ? '' : ' Run the same command again to resume.';
    process.stderr.write(`Interrupted after ${(done + before.rows).toLocaleString('en')} pictures.${next}\n`);
    process.exitCode = interruption.exitCode();
    return;
  }
  if (passed.others > 0) {
    process.stderr.write(`${passed.others} other ${passed.others === 1 ? 'file is' : 'files are'} no pictures.\n`);
  }
  if (source && (!isFew || out !== undefined)) {
    const skipped = before.rows === 0 ? '' : `, ${before.rows.toLocaleString('en')} before`;
    const broken = failed + before.failed;
    const also = broken === 0 ? '' : `; ${broken.toLocaleString('en')} could not be classified`;
    process.stderr.write(
      `${rateLine(done, progress.seconds(), undefined)}${skipped}, by ${source.describe()}${also}.\n`,
    );
  }
  const [first] = head;
  if (isAll && first?.problem && head.every(({ problem }) => problem instanceof NotFound)) {
    process.exitCode = first.problem.exitCode;
  }
}

/** The first pictures, and all of them. */
async function lookAhead(found: AsyncGenerator<FoundPicture>) {
  const head: FoundPicture[] = [];
  while (head.length <= SEEN_AHEAD) {
    const { value, done } = await found.next();
    if (done) break;
    head.push(value);
  }
  async function* all() {
    yield* head;
    yield* found;
  }
  return { head, isAll: head.length <= SEEN_AHEAD, pictures: all() };
}

/** @param count tells about how many pictures there are: an endpoint answers without that */
async function openSource(options: Options, count: () => Promise<number>): Promise<PictureSource> {
  const source = await chooseSource(options);
  const { version, topK, strict, out } = options;
  if ('endpoint' in source) {
    const { endpoint } = source;
    // All rows of a file are by one version, whatever is promoted meanwhile.
    const id = out === undefined ? version : (await servedModel(endpoint, version)).version;
    return endpointSource(endpoint, id, { topK, strict });
  }
  const { readLocalModel } = await import('../classify/local-model.ts'); // Loads the engine, which an endpoint has itself.
  const model = await readLocalModel(source.store, version).catch(async (error: unknown) => {
    throw options.store === undefined ? await namingServers(error) : error;
  });
  if (model.alias === 'candidate' && version === undefined) {
    process.stderr.write(`No version was promoted in ${source.store}: "candidate" answers, trained last.\n`);
  }
  return localSource(model, await count(), { topK, strict });
}

function jobOf(paths: readonly string[], format: AnswerFormat, source: PictureSource, options: Options): Job {
  return {
    'the pictures': paths.join(' '),
    '--format': format,
    'the version': source.version ?? '',
    '--top-k': String(options.topK ?? 'not given'),
    '--strict': options.strict ? 'given' : 'not given',
  };
}

async function* problemRows(pictures: AsyncIterable<FoundPicture>, options: RowOptions) {
  for await (const picture of pictures) yield [toRow(picture, { outcome: picture.problem! }, options)];
}

/** Waits for whoever reads: answers do not pile up in memory. */
async function print(text: string): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** Milliseconds between two lines. */
const INTERVAL = 200;

/** Progress on stderr, where nothing else is printed to the same terminal. */
function progressFor(paths: readonly string[], printsAnswers: boolean) {
  const line = progressLine();
  const isShown = process.stderr.isTTY && !(printsAnswers && process.stdout.isTTY);
  const counting = new AbortController();
  let total: number | undefined;
  if (isShown) {
    void countPictures(paths, counting.signal).then((count) => {
      total = count;
    });
  }
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  let shownAt = 0;
  return {
    seconds,
    show(done: number, before: number) {
      if (!isShown || performance.now() - shownAt < INTERVAL) return;
      shownAt = performance.now();
      line.show(rateLine(done, seconds(), total === undefined ? undefined : total - before));
    },
    end() {
      counting.abort();
      if (isShown) line.end();
    },
  };
}

function toJobs(text: string): number {
  if (!/^[1-9]\d*$/.test(text))
    throw new UsageError(`--at-most is ${JSON.stringify(text)}. Give a whole number from 1.`);
  return Number(text);
}

function toCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`--top-k is ${JSON.stringify(text)}. Give a whole number from 1.`);
  return Number(text);
}
