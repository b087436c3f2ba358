import { BatchClient, DescribeJobsCommand, type JobDetail, paginateListJobs } from '@aws-sdk/client-batch';
import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { variable } from '#environment/variables.ts';
import type { JobEvent } from '../training/reclaimed-jobs.lambda.ts';
import { wasReclaimed } from '../training/was-reclaimed.ts';
import { failedJobNotice } from './failed-job-notice.ts';

/** The lines of its log that a notice ends with. */
const LAST_LINES = 20;
/** SNS takes 256 KiB; a line of a log may be as long. */
const LONGEST_LINE = 500;

/**
 * Sends a notice of a job that failed. None of one that resumes on demand, and none of one that failed only because it depends on
 * another, of which there is a notice already. For an array it tells of the first child that failed.
 *
 * A notice without log lines is better than none: if the log or the child cannot be read, the notice says why.
 */
export async function handler({ detail }: JobEvent): Promise<void> {
  const spotQueues = (process.env[variable.spotQueues] ?? '').split(' ');
  if (wasReclaimed(detail) && spotQueues.includes(detail.jobQueue ?? '')) return;
  if (detail.statusReason?.startsWith('Dependent Job')) return;
  const child = isArray(detail) ? await firstFailedChild(detail).catch(() => undefined) : undefined;
  const log = await lastLines(child ?? detail).catch((error: unknown) => [`(The log cannot be read: ${error})`]);
  const { subject, text } = failedJobNotice({
    ...{ job: detail, child, log },
    commandOptions: process.env[variable.commandOptions] ?? '',
  });
  const topic = { TopicArn: process.env[variable.noticeTopic], Subject: subject, Message: text };
  await new SNSClient({}).send(new PublishCommand(topic));
  console.log(`A notice of job ${detail.jobId} was sent`);
}

function isArray({ arrayProperties }: JobDetail): boolean {
  return arrayProperties?.size !== undefined;
}

async function firstFailedChild({ jobId }: JobDetail): Promise<JobDetail | undefined> {
  const batch = new BatchClient({ maxAttempts: 6 });
  let first: { readonly id: string; readonly index: number } | undefined;
  for await (const { jobSummaryList = [] } of paginateListJobs(
    { client: batch },
    { arrayJobId: jobId, jobStatus: 'FAILED' },
  )) {
    for (const { jobId: id = '', arrayProperties } of jobSummaryList) {
      const index = arrayProperties?.index ?? 0;
      if (first === undefined || index < first.index) first = { id, index };
    }
  }
  if (first === undefined) return undefined;
  const { jobs = [] } = await batch.send(new DescribeJobsCommand({ jobs: [first.id] }));
  return jobs[0];
}

/** Of the last attempt; none if no attempt has begun. */
async function lastLines({ attempts = [], container }: JobDetail): Promise<readonly string[]> {
  const logStreamName = attempts.at(-1)?.container?.logStreamName ?? container?.logStreamName;
  if (logStreamName === undefined) return [];
  const { events = [] } = await new CloudWatchLogsClient({}).send(
    new GetLogEventsCommand({ logGroupName: process.env[variable.jobLogGroup], logStreamName, limit: LAST_LINES }),
  );
  return events.map(({ message = '' }) => message.slice(0, LONGEST_LINE));
}
