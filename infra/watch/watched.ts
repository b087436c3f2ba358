import type { ClassifierFunction } from '../classify/classifier-function.ts';
import type { ClassifyApi } from '../classify/classify-api.ts';
import type { BlockedQueues } from './blocked-queues.ts';
import type { FailedJobs } from './failed-jobs.ts';
import type { JobStates } from './job-states.ts';
import type { WatchThresholds } from './thresholds.ts';

/** What alarms and dashboard look at, and from where on it is too much. */
export interface Watched {
  readonly classifier: ClassifierFunction;
  readonly api: ClassifyApi;
  readonly failedJobs: FailedJobs;
  readonly blockedQueues: BlockedQueues;
  readonly jobStates: JobStates;
  readonly thresholds: Required<WatchThresholds>;
}
