import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchLogsClient, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { Command, InvalidArgumentError } from 'commander';
import { findJob, hasEnded, type Job } from '../batch/batch-jobs.ts';
import { type LogLine, type ReadPosition, readStream } from '../batch/job-log.ts';
import { openTarget, type StackOutputs, type Target, type TargetName, targetOption } from '../stack/target.ts';

export function logsCommand(): Command {
  return new Command('logs')
    .description('Print the log of a training job, or of the endpoint.')
    .argument('<what>', '"endpoint", a run, or the id of a job')
    .addOption(targetOption())
    .option('--follow', 'go on with what is logged from now on, until the job ends or Ctrl-C')
    .option(
      '--since <time>',
      'only what is younger, such as 30s, 10m, 2h or 1d (default: all of a job, 1h of the endpoint)',
      seconds,
    )
    .option('--json', 'print each line as JSON, with its time')
    .addHelpText('after', examples)
    .action(async (what: string, { follow = false, since, json, ...options }: CommandOptions) => {
      const target = await openTarget(options.target);
      const stack = await target.stack();
      const lines =
        what === 'endpoint' || what === 'lambda'
          ? endpointLog(target, stack, { follow, since: since ?? 3600 })
          : jobLog(target, stack, what, { follow });
      const youngerThan = since === undefined ? 0 : Date.now() - 1000 * since;
      for await (const { at, text } of lines) {
        if (at.getTime() >= youngerThan) process.stdout.write(`${json ? JSON.stringify({ at, text }) : text}\n`);
      }
    });
}

interface CommandOptions {
  readonly target: TargetName;
  readonly follow?: boolean;
  readonly since?: number;
  readonly json?: boolean;
}

const examples = `
Examples:
  ./cifar10 logs endpoint --follow                   requests, as they are answered
  ./cifar10 logs endpoint --since 10m --target aws   of the last ten minutes, in your AWS account
  ./cifar10 logs 20261123-041200-a1b2                all attempts of a run's last job`;

/** Between two questions. */
const followSeconds = 2;

/** All attempts of a job, one after the other. */
export async function* jobLog(
  target: Target,
  stack: StackOutputs,
  reference: string,
  { follow }: { readonly follow: boolean },
): AsyncGenerator<LogLine> {
  const positions = new Map<string, ReadPosition>();
  for (;;) {
    const job = await findJob(target, stack, reference);
    for (const stream of streamsOf(job)) {
      const position = positions.get(stream) ?? {};
      positions.set(stream, position);
      yield* readStream(target, { group: job.logGroup ?? stack.TrainingLogGroupName, stream }, position);
    }
    if (!follow || hasEnded(job)) return;
    await sleep(1000 * followSeconds);
  }
}

function streamsOf({ attempts, logStream }: Job): string[] {
  return [...new Set([...attempts.map((attempt) => attempt.logStream), logStream])].filter(
    (each) => each !== undefined,
  );
}

/** Every process of the endpoint together, in the order of time. */
export async function* endpointLog(
  target: Target,
  stack: StackOutputs,
  { follow, since }: { readonly follow: boolean; readonly since: number },
): AsyncGenerator<LogLine> {
  const client = new CloudWatchLogsClient(target.clientConfig);
  // A line may arrive later than a younger one of another process: the last minute is read again, and known lines are not told again.
  const overlap = 60_000;
  let startTime = Date.now() - 1000 * since;
  const told = new Map<string, number>();
  for (;;) {
    for await (const { events } of paginateFilterLogEvents(
      { client },
      { logGroupName: stack.ClassifierLogGroupName, startTime },
    )) {
      for (const { eventId = '', timestamp = 0, message = '' } of events ?? []) {
        if (told.has(eventId)) continue;
        told.set(eventId, timestamp);
        yield { at: new Date(timestamp), text: message.trimEnd() };
      }
    }
    if (!follow) return;
    startTime = Math.max(startTime, ...[...told.values()].map((timestamp) => timestamp - overlap));
    for (const [eventId, timestamp] of told) if (timestamp < startTime) told.delete(eventId);
    await sleep(1000 * followSeconds);
  }
}

const secondsIn: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function seconds(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : secondsIn[unit];
  if (factor === undefined) throw new InvalidArgumentError('Write a number and s, m, h or d, such as 10m.');
  return Number(count) * factor;
}
