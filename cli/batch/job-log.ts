import {
  CloudWatchLogsClient,
  GetLogEventsCommand,
  type GetLogEventsCommandOutput,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs';
import type { Target } from '../stack/target.ts';
import type { Job } from './batch-jobs.ts';

export interface LogLine {
  readonly at: Date;
  readonly text: string;
}

/** A stream of a log group, from its beginning; empty for one that does not exist yet. */
export async function* readStream(
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
    // The end is where the token does not move on.
    if (!answer?.nextForwardToken || answer.nextForwardToken === from.token) return;
    from.token = answer.nextForwardToken;
  }
}

/** Where the next reading of a stream begins; reading moves it on. */
export interface ReadPosition {
  token?: string | undefined;
}

/** Of the last attempt. */
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
