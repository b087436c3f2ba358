import type { Writable } from 'node:stream';
import pc from 'picocolors';
import { exitMeaning } from '#infra/training/exit-meaning.ts';
import type { Place } from '#training/commands/place.ts';
import { duration, viewFor } from '#training/commands/run-view.ts';
import type { TrainingEvent } from '#training/record/events.ts';
import { type Attempt, hasEnded, type Job } from './batch-jobs.ts';
import { explainReason, explainWait, isWaiting, secondsWaited, type Wait } from './job-wait.ts';

export interface JobView {
  /** Shows the state of the job; called repeatedly. */
  job(job: Job): void;
  /** Shows an event of the training. */
  event(event: TrainingEvent): void;
  /** Shows why a job waits for long, and what to do. */
  wait(wait: Wait): void;
  /** Clears the live line. */
  end(): void;
}

interface Terminal extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Shows a job: its state in the queue, and the view of its training. */
export function jobView(
  stream: Terminal,
  { json = false, place }: { readonly json?: boolean; readonly place?: Place } = {},
): JobView {
  const training = viewFor(stream, { json, place });
  let shown = '';
  let id = '';
  let ended = 0;
  let waits = false;
  const say = (line: string) => {
    training.end(); // Clears its live line, which the next event draws again.
    if (waits) stream.write('\r\x1b[2K');
    waits = false;
    stream.write(`${line}\n`);
  };
  return {
    job(job) {
      if (job.id !== id) {
        if (id !== '' && !json) say(`${pc.cyan('job')} continues as ${job.id}`);
        [id, shown, ended] = [job.id, '', 0];
      }
      const state = `${job.status} ${job.attempts.length} ${job.reason}`;
      if (json) {
        if (state !== shown) stream.write(`${JSON.stringify({ type: 'job', ...job })}\n`);
        shown = state;
        return;
      }
      for (const attempt of job.attempts.slice(ended)) {
        if (job.status === 'SUCCEEDED') continue;
        const left = job.attemptsAllowed - ++ended;
        const others = hasEnded(job) ? '' : `, ${left} left`;
        say(`${pc.yellow('attempt')} ${ended} ended: ${describeAttempt(attempt)}${others}`);
      }
      if (state !== shown) say(`${pc.cyan('job')} ${describeState(job)}`);
      else if (stream.isTTY && isWaiting(job)) {
        const line = `${describeState(job)}, ${duration(secondsWaited(job))}`;
        stream.write(`\r\x1b[2K${pc.dim(fitted(line, stream))}`);
        waits = true;
      }
      shown = state;
    },
    wait(wait) {
      if (json) stream.write(`${JSON.stringify({ type: 'wait', ...wait })}\n`);
      else say(`${pc.yellow('job')} still waits: ${describeWait(wait)}`);
    },
    event(event) {
      // The event's resume command is of no use here: Batch starts the next attempt itself.
      if (event.type !== 'interrupted' || json) training.show(event);
      else say(`${pc.yellow(event.signal)}: a checkpoint is kept at step ${event.step}`);
    },
    end() {
      training.end();
      if (waits) stream.write('\r\x1b[2K');
    },
  };
}

/** As much of a line as a terminal shows in one row: what wraps stays when the line is drawn again. */
function fitted(line: string, { columns }: Terminal): string {
  return line.slice(0, (columns || 80) - 1);
}

/** The state of a job in words, with its duration. */
export function describeState(job: Job): string {
  const attempt = job.attemptsAllowed > 1 ? `, attempt ${job.attempts.length + 1} of ${job.attemptsAllowed}` : '';
  const reason = job.reason === undefined ? '' : ` (${explainReason(job)?.text ?? job.reason})`;
  switch (job.status) {
    case 'RUNNING':
      return `runs after ${queueTime(job)} in the queue${attempt}`;
    case 'SUBMITTED':
      return 'was submitted, and is not in the queue yet';
    case 'PENDING':
      return 'waits for the jobs that it depends on';
    case 'STARTING':
      return `has a machine, which fetches the image${attempt}`;
    case 'SUCCEEDED':
      return `succeeded after ${age(job)}`;
    case 'FAILED':
      return `${job.wasCancelled ? 'was cancelled' : 'failed'} after ${age(job)}${reason}`;
    default: {
      const wait = explainWait(job);
      return wait === undefined || wait.cause === 'machine'
        ? `waits for a machine${reason}`
        : `waits for a machine: ${wait.text}`;
    }
  }
}

/** Why a job waits, and below it what to do. */
export function describeWait({ text, advice }: Wait): string {
  return `${text}\n${advice.replaceAll(/^/gm, '  ')}`;
}

/** How an attempt ended, and what that means. */
export function describeAttempt(attempt: Pick<Attempt, 'reason' | 'exitCode'>): string {
  const { reason, exitCode } = attempt;
  const code = exitCode === undefined ? undefined : `exit code ${exitCode}`;
  const end = [reason?.replace(/\.$/, ''), code].filter((each) => each !== undefined).join(', ') || 'no reason';
  const meaning = exitMeaning(attempt);
  return meaning === undefined ? end : `${end} (${meaning})`;
}

function queueTime({ createdAt, startedAt = new Date() }: Job): string {
  return duration((startedAt.getTime() - createdAt.getTime()) / 1000);
}

function age({ createdAt, stoppedAt = new Date() }: Job): string {
  return duration((stoppedAt.getTime() - createdAt.getTime()) / 1000);
}
