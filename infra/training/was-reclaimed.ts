import type { JobDetail } from '@aws-sdk/client-batch';

/** The exit code of a program that has written a checkpoint and ended, since its instance was about to go. */
const interrupted = 75;

/**
 * Whether a failed job's instance went, not the job itself: one that was ended by hand, by its time limit or by an error was not
 * reclaimed, and an array never is, only its children.
 *
 * @param detail of a job, as DescribeJobs tells it
 */
export function wasReclaimed({ status, statusReason = '', attempts = [], arrayProperties }: JobDetail): boolean {
  const isArray = arrayProperties !== undefined && arrayProperties.index === undefined;
  if (status !== 'FAILED' || isArray) return false;
  return (
    statusReason.startsWith('Host EC2') ||
    (statusReason === 'Essential container in task exited' && attempts.at(-1)?.container?.exitCode === interrupted)
  );
}
