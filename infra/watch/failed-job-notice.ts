import type { JobDetail } from '@aws-sdk/client-batch';
import { exitMeaning } from '../training/exit-meaning.ts';

export interface FailedJob {
  readonly job: JobDetail;
  /** The first child that failed, where the job is an array and the child is known. */
  readonly child: JobDetail | undefined;
  /** The last lines of the log of the job or the child. */
  readonly log: readonly string[];
  /** Of commands about the stack, such as `--target aws --stage prod`. */
  readonly commandOptions: string;
}

/**
 * What somebody reads who was sent a notice of a failed job: what failed, why, the end of its log, and what to do.
 *
 * @returns a subject as SNS takes it, at most 100 printable ASCII characters, and plain text
 */
export function failedJobNotice({ job, child, log, commandOptions }: FailedJob): {
  readonly subject: string;
  readonly text: string;
} {
  const name = job.jobName ?? job.jobId ?? 'a job';
  const shown = child ?? job;
  const attempts = shown.attempts?.length ?? 0;
  const lines = [
    `The job ${name} failed${attempts > 1 ? ` after ${attempts} attempts` : ''}.`,
    ...childrenLine(job),
    '',
    ...(child ? [`The first child that failed is number ${child.arrayProperties?.index} (${child.jobId}).`] : []),
    `Reason      ${reasonOf(shown)}`,
    `Command     ${shown.container?.command?.join(' ') || 'that of its job definition'}`,
    `Queue       ${job.jobQueue?.split('/').at(-1) ?? 'unknown'}`,
    `Time        ${timeOf(shown)}`,
    `Job id      ${job.jobId}`,
    '',
    ...(log.length > 0 ? ['The end of its log:', ...log.map((line) => `  ${line}`)] : ['It has written no log.']),
    '',
    `./cifar10 jobs ${job.jobId} ${commandOptions}    explains each attempt`,
    `./cifar10 logs ${shown.jobId} ${commandOptions}    prints the whole log`,
    'What to do: docs/runbooks.md, "Job failed".',
  ];
  return { subject: `Job failed: ${name}`.replace(/[^\x20-\x7e]/g, '?').slice(0, 100), text: lines.join('\n') };
}

function childrenLine({ arrayProperties }: JobDetail): readonly string[] {
  const { size, statusSummary = {} } = arrayProperties ?? {};
  if (size === undefined) return [];
  return [
    `Of its ${size} children ${statusSummary.FAILED ?? 'some'} failed and ${statusSummary.SUCCEEDED ?? 'some'} succeeded.`,
  ];
}

/** What Batch says of the job and of its last container, and what that means, such as `Essential container in task exited, exit code 2 (bad arguments)`. */
function reasonOf({ statusReason, attempts = [], container }: JobDetail): string {
  const last = attempts.at(-1);
  const { reason, exitCode } = last?.container ?? container ?? {};
  const code = exitCode === undefined ? undefined : `exit code ${exitCode}`;
  const known = [statusReason ?? last?.statusReason, reason, code].filter((each) => each !== undefined && each !== '');
  const words = known.join(', ') || 'Batch gives none';
  const meaning = exitMeaning({ reason: words, exitCode });
  return meaning === undefined ? words : `${words} (${meaning})`;
}

function timeOf({ createdAt, startedAt, stoppedAt }: JobDetail): string {
  const at = (time: number) => new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
  const minutes = (from: number, to: number) => `${((to - from) / 60_000).toFixed(1)} min`;
  return [
    ...(createdAt === undefined ? [] : [`submitted ${at(createdAt)}`]),
    ...(createdAt === undefined || startedAt === undefined ? [] : [`waited ${minutes(createdAt, startedAt)}`]),
    ...(startedAt === undefined || stoppedAt === undefined ? [] : [`ran ${minutes(startedAt, stoppedAt)}`]),
  ].join(', ');
}
