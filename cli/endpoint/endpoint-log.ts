import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchLogsClient, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import type { LogLine } from '../batch/job-log.ts';
import type { StackOutputs, Target } from '../stack/target.ts';

/** Seconds between two requests for new lines. */
const FOLLOW_SECONDS = 2;

/** The log of every process of the endpoint, in order of time. */
export async function* endpointLog(
  target: Target,
  stack: StackOutputs,
  { follow, since }: { readonly follow: boolean; readonly since: number },
): AsyncGenerator<LogLine> {
  const client = new CloudWatchLogsClient(target.clientConfig);
  // Lines of several processes may arrive out of order: the last minute is read again, and no line is given twice.
  const overlap = 60_000;
  let startTime = Date.now() - 1000 * since;
  const seen = new Map<string, number>();
  for (;;) {
    for await (const { events } of paginateFilterLogEvents(
      { client },
      { logGroupName: stack.ClassifierLogGroupName, startTime },
    )) {
      for (const { eventId = '', timestamp = 0, message = '' } of events ?? []) {
        if (seen.has(eventId)) continue;
        seen.set(eventId, timestamp);
        yield { at: new Date(timestamp), text: message.trimEnd() };
      }
    }
    if (!follow) return;
    startTime = Math.max(startTime, ...[...seen.values()].map((timestamp) => timestamp - overlap));
    for (const [eventId, timestamp] of seen) if (timestamp < startTime) seen.delete(eventId);
    await sleep(1000 * FOLLOW_SECONDS);
  }
}
