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
  ./cifar10 classify photo.png                                    by the endpoint on LocalStack
  ./cifar10 classify --target aws *.jpg                           by the one in your AWS account
  ./cifar10 classify --endpoint http://127.0.0.1:8080 photo.png   by "cifar10 serve", for example
  ./cifar10 classify --json photo.png | jq .label                 one line of JSON per picture

Exit codes: 0 done, 1 a picture could not be classified, 2 bad arguments.`;

/** Requests in flight at a time. */
const PARALLEL = 4;

export function classifyCommand(): Command {
  return new Command('classify')
    .description('Classify pictures through the endpoint: PNG, JPEG, WebP, or raw RGB.')
    .argument('<files...>', 'pictures; - reads one from standard input')
    .addOption(targetOption())
    .option('--endpoint <url>', 'the address of an endpoint, instead of --target')
    .option('--api-key <key>', "that endpoint's API key (default: CIFAR10_API_KEY)")
    .option('--version <version>', 'a version or an alias (default: the served one)')
    .option('--top-k <number>', 'number of classes to show (default: 5)', toCount)
    .option('--strict', "refuse pictures that do not have the model's size")
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
      ENOENT: 'File not found',
      EISDIR: 'Not a file but a folder',
      EACCES: 'No permission to read',
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
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`--top-k is ${JSON.stringify(text)}. Give a whole number from 1.`);
  return Number(text);
}
