import type { JobStatus } from '@aws-sdk/client-batch';
import { METRIC_NAMESPACE } from '#inference/telemetry/metrics.ts';

/** The one metric that watching adds: CloudWatch bills it, by the hour, while jobs wait. */
export const STUCK_JOBS = 'StuckJobs';

/** The jobs of one queue. */
export interface QueueStates {
  readonly counts: Readonly<Partial<Record<JobStatus, number>>>;
  /** When the oldest job was submitted that waits for a machine, in milliseconds since 1970. */
  readonly oldest: number | undefined;
}

/** The facts of a line of the log. The dashboard's queries name them. */
export interface JobStatesLine {
  readonly submitted: number;
  readonly pending: number;
  readonly runnable: number;
  readonly starting: number;
  readonly running: number;
  /** Since the submission of the oldest job that waits for a machine; 0 where none does. */
  readonly waitMinutes: number;
  /** The version that is served, and the days since it was made; absent before the first. */
  readonly model?: string;
  readonly modelAgeDays?: number;
}

/**
 * One line about all queues. While a job waits for a machine it has the metric `StuckJobs` too, in CloudWatch's embedded metric format:
 * jobs that wait in a queue of which nothing starts or runs. Where some run, the others only wait for their turn.
 */
export function jobStatesLine({
  queues,
  model,
  now,
  namespace = METRIC_NAMESPACE,
}: {
  readonly queues: readonly QueueStates[];
  /** What the alias says of the model that is served. */
  readonly model: { readonly version: string } | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The CloudWatch namespace of the metric. @default that of the endpoint's metrics */
  readonly namespace?: string | undefined;
}): JobStatesLine {
  const sum = (status: JobStatus) => queues.reduce((total, { counts }) => total + (counts[status] ?? 0), 0);
  const oldest = Math.min(now, ...queues.flatMap((queue) => queue.oldest ?? []));
  const stuck = queues
    .filter(({ counts }) => !counts.STARTING && !counts.RUNNING)
    .reduce((total, { counts }) => total + (counts.RUNNABLE ?? 0), 0);
  const metric = {
    [STUCK_JOBS]: stuck,
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [{ Namespace: namespace, Dimensions: [[]], Metrics: [{ Name: STUCK_JOBS, Unit: 'Count' }] }],
    },
  };
  return {
    submitted: sum('SUBMITTED'),
    pending: sum('PENDING'),
    runnable: sum('RUNNABLE'),
    starting: sum('STARTING'),
    running: sum('RUNNING'),
    waitMinutes: Math.round((now - oldest) / 6_000) / 10,
    ...(model && { model: model.version, modelAgeDays: Math.round((now - timeOf(model.version)) / 8_640_000) / 10 }),
    ...(sum('RUNNABLE') > 0 && metric),
  };
}

/** When a version was made, which its id begins with. */
function timeOf(version: string): number {
  const [, year, month, day, hour, minute] = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)-/.exec(version) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
}
