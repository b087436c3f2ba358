import { setTimeout as sleep } from 'node:timers/promises';
import {
  CloudWatchLogsClient,
  GetLogEventsCommand,
  type GetLogEventsCommandOutput,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs';
import type { StackOutputs, Target } from '../stack/target.ts';
import { CONTINUES_SECONDS, continuesElsewhere, findJob, hasEnded, type Job } from './batch-jobs.ts';

export interface LogLine {
  readonly at: Date;
  readonly text: string;
}

/** Seconds between two requests for new lines. */
const FOLLOW_SECONDS = 2;

/** All attempts of a job, one after the other; of a run that is followed, also those of the job that it continues in. */
export async function* jobLog(
  target: Target,
  stack: StackOutputs,
  reference: string,
  { follow }: { readonly follow: boolean },
): AsyncGenerator<LogLine> {
  const positions = new Map<string, ReadPosition>();
  let ended: { readonly id: string; readonly at: number } | undefined;
  for (;;) {
    const job = await findJob(target, stack, reference);
    for (const stream of streamsOf(job)) {
      const position = positions.get(stream) ?? {};
      positions.set(stream, position);
      yield* readStream(target, { group: job.logGroup ?? stack.TrainingLogGroupName, stream }, position);
    }
    if (!follow) return;
    if (hasEnded(job)) {
      if (ended?.id !== job.id) ended = { id: job.id, at: performance.now() };
      const isOver = performance.now() - ended.at > 1000 * CONTINUES_SECONDS;
      // A job that is named by its id is not followed into another.
      if (isOver || reference === job.id || !continuesElsewhere(job, stack)) return;
    }
    await sleep(1000 * FOLLOW_SECONDS);
  }
}

function streamsOf({ attempts, logStream }: Job): string[] {
  return [...new Set([...attempts.map((attempt) => attempt.logStream), logStream])].filter(
    (each) => each !== undefined,
  );
}

/** A stream of a log group, from its beginning; empty for one that does not exist yet. */
async function* readStream(
  target: Target,
  { group, stream }: { readonly group: string; readonly stream: string },
  from: ReadPosition = {},
): AsyncGenerator<LogLine> {
  const logs = new CloudWatchLogsClient(target.clientConfig);
  for (;;) {
    const answer: GetLogEventsCommandOutput | undefined = await logs
      .send(
        new GetLogEventsCommand({
          logGroupName: group,
          logStreamName: stream,
          startFromHead: true,
          nextToken: from.token,
        }),
      )
      .catch((error: unknown) => {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      });
    for (const { timestamp = 0, message = '' } of answer?.events ?? []) {
      yield { at: new Date(timestamp), text: message.trimEnd() };
    }
    // At the end of the stream the token stays the same.
    if (!answer?.nextForwardToken || answer.nextForwardToken === from.token) return;
    from.token = answer.nextForwardToken;
  }
}

/** Where the next read of a stream begins; reading advances it. */
export interface ReadPosition {
  token?: string | undefined;
}

/** The last lines that the last attempt of a job logged. */
export async function lastLogLines(target: Target, job: Job, count: number): Promise<string[]> {
  const { logGroup: group, logStream: stream } = job;
  if (group === undefined || stream === undefined) return [];
  const lines: string[] = [];
  for await (const { text } of readStream(target, { group, stream })) {
    lines.push(text);
    if (lines.length > count) lines.shift();
  }
  return lines;
}
