import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command } from 'commander';
import pc from 'picocolors';
import { UsageError, UserError } from '#errors/user-error.ts';
import type { ClassifyAnswer } from '#inference/http/answers.ts';
import { percent } from '#models/percent.ts';
import { classifyImage, type EndpointOptions, openEndpoint, Refused, Unreachable } from '../endpoint/endpoint.ts';
import { targetOption } from '../stack/target.ts';
import { mapInOrder } from '../terminal/map-in-order.ts';

interface Options extends EndpointOptions {
  readonly version?: string;
  readonly topK?: number;
  readonly strict?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  ./cifar10 classify photo.png                                    ask the endpoint on LocalStack
  ./cifar10 classify --target aws *.jpg                           ask the one in your AWS account
  ./cifar10 classify --endpoint http://127.0.0.1:8080 photo.png   ask one by its address, such as "cifar10 serve"
  ./cifar10 classify --json photo.png | jq .label                 one line of JSON for each picture

Ends with 1 if a picture could not be classified.`;

/** How many pictures are on their way at once. */
const PARALLEL = 4;

export function classifyCommand(): Command {
  return new Command('classify')
    .description('Classify pictures through the endpoint: PNG, JPEG, WebP, or raw RGB.')
    .argument('<files...>', 'pictures; - for one on the standard input')
    .addOption(targetOption())
    .option('--endpoint <url>', 'address of an endpoint, instead of a target')
    .option('--api-key <key>', 'of that endpoint (default: CIFAR10_API_KEY)')
    .option('--version <version>', 'a version or an alias (default: the one that is served)')
    .option('--top-k <number>', 'how many classes to name', toCount)
    .option('--strict', 'refuse pictures of another size than the model takes')
    .option('--json', 'print JSON lines')
    .addHelpText('after', examples)
    .action(classify);
}

async function classify(files: readonly string[], options: Options): Promise<void> {
  const endpoint = await openEndpoint(options);
  const outcomes = mapInOrder(files, PARALLEL, async (file) => {
    try {
      return await classifyImage(endpoint, await read(file), options);
    } catch (error) {
      if (error instanceof UserError && !(error instanceof Unreachable)) return error;
      throw error;
    }
  });
  const print = options.json ? printJson : tablePrinter(files);
  let failures = 0;
  for await (const [file, outcome] of outcomes) {
    if (outcome instanceof UserError) failures++;
    print(file, outcome);
  }
  if (failures > 0) process.exitCode = 1;
}

async function read(file: string): Promise<Uint8Array> {
  if (file === '-') {
    const chunks: Uint8Array[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
  try {
    return await readFile(file);
  } catch (error) {
    const reasons: Record<string, string> = {
      ENOENT: 'There is no such file',
      EISDIR: 'This is a folder',
      EACCES: 'It may not be read',
    };
    const reason = reasons[(error as NodeJS.ErrnoException).code ?? ''];
    throw reason === undefined ? error : new UserError(`${reason}: ${file}.`, { cause: error });
  }
}

type Print = (file: string, outcome: ClassifyAnswer | UserError) => void;

const printJson: Print = (file, outcome) => {
  const described =
    outcome instanceof Refused
      ? { error: outcome.problem }
      : outcome instanceof UserError
        ? { error: { detail: outcome.message } }
        : outcome;
  process.stdout.write(`${JSON.stringify({ file, ...described })}\n`);
};

/** `photo.png  cat  93.1 %  dog 4.2 %, deer 1.0 %` in columns. */
function tablePrinter(files: readonly string[]): Print {
  const width = Math.min(40, Math.max(...files.map((file) => basename(file).length)));
  return (file, outcome) => {
    const name = basename(file).padEnd(width);
    if (outcome instanceof UserError) {
      process.stderr.write(`${name}  ${pc.red('✗')} ${outcome.message}\n`);
      return;
    }
    const { label, score, uncertain, predictions } = outcome;
    const others = predictions.slice(1, 4).map((each) => `${each.label} ${percent(each.score, { digits: 1 })}`);
    const answer = `${label.padEnd(12)} ${percent(score, { digits: 1 }).padStart(7)}`;
    const mark = uncertain ? pc.yellow('  uncertain') : '';
    process.stdout.write(
      `${name}  ${uncertain ? pc.yellow(answer) : pc.bold(answer)}  ${pc.dim(others.join(', '))}${mark}\n`,
    );
  };
}

function toCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`--top-k is ${JSON.stringify(text)}. Give a number from 1.`);
  return Number(text);
}
