import pc from 'picocolors';
import { jobPlace } from '#training/commands/place.ts';
import type { Target } from '../stack/target.ts';
import { type Job, suffixOf } from './batch-jobs.ts';
import { followJob } from './follow-job.ts';
import { lastLogLines } from './job-log.ts';
import { jobView } from './job-view.ts';
import { explainReason } from './job-wait.ts';
import { submitCommand } from './submit-command.ts';
import type { SubmittedJob } from './submit-job.ts';

/** Log lines shown for a failed job. */
const tailLines = 20;

/**
 * Follows a job on standard output until it ends, or until Ctrl-C, which does not end it.
 *
 * @returns the exit code for this process: that of the training
 */
export async function followOnTerminal(
  target: Target,
  submitted: SubmittedJob,
  { json = false, waitSeconds }: { readonly json?: boolean; readonly waitSeconds?: number } = {},
): Promise<number> {
  const place = jobPlace((await target.store()).url, target.name);
  const view = jobView(process.stdout, { json, place });
  const interrupt = new AbortController();
  const abort = () => interrupt.abort();
  process.once('SIGINT', abort);
  try {
    const job = await followJob(target, submitted, {
      ...{ onJob: view.job, onEvent: view.event, onWait: view.wait },
      ...{ waitSeconds, signal: interrupt.signal },
    });
    view.end();
    if (job.status === 'FAILED') await explainFailure(target, job);
    return exitCodeOf(job);
  } catch (error) {
    view.end();
    if (!interrupt.signal.aborted) throw error;
    process.stderr.write(
      `\nThe job continues. Follow it again with "./cifar10 jobs ${submitted.run} --follow${suffixOf(target)}", end it with "./cifar10 jobs ${submitted.run} --cancel${suffixOf(target)}".\n`,
    );
    return 130;
  } finally {
    process.removeListener('SIGINT', abort);
  }
}

/** The exit code of the training; 1 for a job that failed without one, being killed from outside. */
export function exitCodeOf({ status, exitCode }: Pick<Job, 'status' | 'exitCode'>): number {
  return status === 'SUCCEEDED' ? 0 : exitCode || 1;
}

/** Prints why a job failed: the reason that Batch gives, and the end of its log; of one that was cancelled, how to resume it. */
export async function explainFailure(target: Target, job: Job): Promise<void> {
  const stuck = explainReason(job);
  if (stuck) {
    process.stderr.write(
      `${pc.red('The training did not start')}: ${stuck.text} (${job.reason}).\n${stuck.advice}\nTo submit it again: ${submitCommand(job, target)}\n`,
    );
    return;
  }
  if (job.wasCancelled) {
    const reason = job.reason === undefined ? '' : `: ${job.reason}`;
    process.stderr.write(`The training was cancelled${reason}.\nTo resume it: ${submitCommand(job, target)}\n`);
    return;
  }
  const lines = await lastLogLines(target, job, tailLines);
  const suffix = suffixOf(target);
  process.stderr.write(
    [
      `${pc.red('The training failed')}: ${job.reason ?? 'Batch gave no reason'} (exit code ${job.exitCode ?? 'none'}).`,
      ...(lines.length === 0 ? ['Its log is empty.'] : lines.map((line) => pc.dim(`  ${line}`))),
      `The whole log: ./cifar10 logs ${job.run}${suffix}`,
      '',
    ].join('\n'),
  );
}
