import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchClient,
  ClientException,
  DescribeJobDefinitionsCommand,
  DescribeJobQueuesCommand,
  SubmitJobCommand,
} from '@aws-sdk/client-batch';
import { UserError } from '#errors/user-error.ts';
import type { Target } from '../stack/target.ts';
import { isUnreachable } from '../stack/unreachable.ts';
import type { Queue } from './queues.ts';
import { isThrottled } from './throttled.ts';

export interface JobToSend {
  readonly name: string;
  /** The arguments of the container's program. */
  readonly command: readonly string[];
  /** Children of an array, 2 to 10,000. @default none: a plain job */
  readonly arraySize?: number;
  /** The time limit of an attempt. @default the definition's */
  readonly timeoutSeconds?: number | undefined;
  /** Looks for the job in Batch, by what distinguishes it from others, when the answer to its submission was lost. */
  readonly find: () => Promise<string | undefined>;
}

/** The next ones are each about twice as long: half a minute in all, before six attempts. */
const FIRST_WAIT_MILLISECONDS = 1000;

/**
 * Submits a job to a queue, with the queue's definition. Batch takes 50 submissions a second from an account. A submission has
 * no token that makes its repetition harmless, so one whose answer was lost is looked for before it is repeated. AWS_MAX_ATTEMPTS
 * limits the attempts, as it does those of the SDK.
 *
 * @returns the job's id
 * @throws {UserError} Batch does not take the job; the message says why, and what to do
 * @see https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html
 */
export async function sendJob(target: Target, queue: Queue, job: JobToSend): Promise<string> {
  const batch = new BatchClient({ ...target.clientConfig, maxAttempts: 1 });
  const submission = new SubmitJobCommand({
    ...{ jobName: job.name, jobQueue: queue.arn, jobDefinition: queue.definition },
    containerOverrides: { command: [...job.command] },
    ...(job.arraySize && { arrayProperties: { size: job.arraySize } }),
    ...(job.timeoutSeconds && { timeout: { attemptDurationSeconds: job.timeoutSeconds } }),
  });
  const attempts = Number(process.env.AWS_MAX_ATTEMPTS ?? 6);
  let isLost = false;
  for (let attempt = 1; ; attempt++) {
    try {
      const taken = isLost ? await job.find() : undefined;
      return taken ?? (await batch.send(submission)).jobId ?? '';
    } catch (error) {
      // LocalStack, which is on this machine, is not away for a moment.
      const isUnanswered = target.name === 'aws' && isUnreachable(error) && !isThrottled(error);
      if (attempt >= attempts || !(isUnanswered || isThrottled(error))) throw await refusal(target, queue, error);
      isLost ||= isUnanswered;
      await sleep(FIRST_WAIT_MILLISECONDS * 2 ** (attempt - 1) * (0.5 + Math.random()));
    }
  }
}

/** Why Batch refused a job, from the state of its queue and its definition. */
async function refusal(target: Target, queue: Queue, error: unknown): Promise<unknown> {
  if (!(error instanceof ClientException)) return error;
  const remedy = await remedyOf(target, queue).catch(() => `Look at the queue ${queue.arn} in the AWS console.`);
  return new UserError(`Batch does not take the job: ${error.message.replace(/\.?$/, '.')} ${remedy}`, {
    cause: error,
  });
}

async function remedyOf({ name, clientConfig }: Target, { arn, definition }: Queue): Promise<string> {
  const batch = new BatchClient(clientConfig);
  const deploy = `Deploy the stack again with "./cifar10 deploy --target ${name}".`;
  const { jobQueues: [found] = [] } = await batch.send(new DescribeJobQueuesCommand({ jobQueues: [arn] }));
  if (found === undefined) return `The queue ${arn} does not exist. ${deploy}`;
  if (found.state === 'DISABLED') {
    return `The queue is disabled. Enable it with "aws batch update-job-queue --state ENABLED --job-queue ${arn}".`;
  }
  if (found.status !== 'VALID') {
    return `The queue is ${found.status}${found.statusReason ? ` (${found.statusReason})` : ''}. ${deploy}`;
  }
  const asked = new DescribeJobDefinitionsCommand({ jobDefinitionName: definition, status: 'ACTIVE' });
  const { jobDefinitions = [] } = await batch.send(asked);
  return jobDefinitions.length === 0 ? `The job definition ${definition} has no active revision. ${deploy}` : deploy;
}
