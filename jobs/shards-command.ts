import { Command } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { variable } from '#environment/variables.ts';
import { continueWithoutOutput } from '#errors/closed-output.ts';
import { UsageError } from '#errors/user-error.ts';
import { readPlan } from '#models/plans/plan.ts';
import { readSubmission, shardsOfChild } from '#models/plans/submissions.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { retryingStore } from '#models/stores/retrying-store.ts';
import { onSignals } from '#training/commands/on-signals.ts';
import { wholeNumber } from '#training/commands/option-parsers.ts';
import { jobId } from '#training/commands/place.ts';
import { checkCode } from './check-code.ts';
import { closeKind, completePlan, runShard } from './kinds.ts';
import { runShards } from './run-shards.ts';

interface Options {
  readonly plan: string;
  readonly submission: string;
  readonly offset: number;
  readonly child?: number;
  readonly store: string;
}

const help = `
Exit codes: 0 all shards have a result, 1 some failed or are left to another process, 2 bad arguments,
130 interrupted by Ctrl-C, 75 by SIGTERM.
The same command does what is missing: no shard is done twice, and no result changes.`;

/** What a child of an array job does. */
export function shardsCommand(): Command {
  return new Command('shards')
    .description('Do the shards of a plan that a submission gives to one child.')
    .requiredOption('--plan <id>', 'the plan')
    .requiredOption('--submission <n>', 'the submission, such as 0001')
    .option('--offset <k>', 'the child that the first one of this array job is', wholeNumber, 0)
    .option('--child <c>', `the child, from 0 (default: the offset and ${variable.arrayIndex})`, wholeNumber)
    .option('--store <store>', 'a folder or s3://<bucket>', defaultStore)
    .addHelpText('after', help)
    .action(run);
}

async function run({ plan: planId, submission: number, store: url, ...options }: Options): Promise<void> {
  continueWithoutOutput();
  const child = childOf(options);
  const log = (line: string) => void process.stdout.write(`${line}\n`);
  const { signal, exitCode, release } = onSignals((line) => process.stderr.write(`${line}\n`));
  try {
    const store = retryingStore(await openObjectStore(url), { signal });
    const plan = await readPlan(store, planId);
    await checkCode(store, planId, plan);
    const submission = await readSubmission(store, planId, number);
    const shards = shardsOfChild(submission, child);
    const worker = { submission: number, child };
    const doing = runShards({ store, planId, plan, shards, worker, runShard, job: jobId(), signal, log });
    const counts = await doing.finally(() => closeKind(plan.kind));
    await completePlan(store, planId, plan, { signal });
    const { done, skipped, taken, failed } = counts;
    const left = taken === 0 ? '' : `, ${taken} left to another process`;
    log(`Child ${child}: ${done} shards done, ${skipped} had a result${left}, ${failed} failed.`);
    if (taken + failed > 0) process.exitCode = 1;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    process.exitCode = exitCode();
  } finally {
    release();
  }
}

/** @throws {UsageError} nothing says which child this process is */
function childOf({ offset, child }: Pick<Options, 'offset' | 'child'>): number {
  if (child !== undefined) return child;
  const index = process.env[variable.arrayIndex];
  if (index !== undefined && /^\d+$/.test(index)) return offset + Number(index);
  throw new UsageError(
    `Nothing says which child this is: ${variable.arrayIndex} is ${index === undefined ? 'not set' : JSON.stringify(index)}. ` +
      'Give --child, or run it in an array job.',
  );
}
