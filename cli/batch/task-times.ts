import type { Task } from '@aws-sdk/client-ecs';
import type { Target } from '../stack/target.ts';
import type { Job } from './batch-jobs.ts';

/** What ECS knows of an attempt that Batch does not tell. */
export interface TaskTimes {
  /** When the attempt was given a machine. */
  readonly placedAt: Date;
  /** Seconds in which the machine fetched and unpacked the image; absent until it has. */
  readonly imageSeconds?: number;
}

/** Tasks that ECS describes in one call. */
const MOST_TASKS = 100;

/**
 * When the attempts of a job got their machines. Batch tells when an attempt was submitted and when it ran; in between it waited for
 * a machine, which then fetched the image. ECS tells the two apart while the task runs, and for about an hour after its end.
 *
 * @returns by the ARN of the task; what ECS has forgotten, or the user may not read, is left out
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
 */
export async function readTaskTimes(
  { name, clientConfig }: Pick<Target, 'name' | 'clientConfig'>,
  { attempts, task }: Pick<Job, 'attempts' | 'task'>,
): Promise<ReadonlyMap<string, TaskTimes>> {
  const arns = [...new Set([...attempts.map((attempt) => attempt.task), task].filter((each) => each !== undefined))];
  // LocalStack's jobs are processes, whatever the ARNs of their tasks.
  if (name === 'local' || arns.length === 0) return new Map();
  const { DescribeTasksCommand, ECSClient } = await import('@aws-sdk/client-ecs');
  const ecs = new ECSClient(clientConfig);
  const found = new Map<string, TaskTimes>();
  for (const cluster of new Set(arns.map(clusterOf))) {
    const tasks = arns.filter((arn) => clusterOf(arn) === cluster).slice(-MOST_TASKS);
    const answer = await ecs.send(new DescribeTasksCommand({ cluster, tasks })).catch(() => undefined);
    for (const each of answer?.tasks ?? []) {
      if (each.taskArn && each.createdAt) found.set(each.taskArn, timesOf(each, each.createdAt));
    }
  }
  return found;
}

/** Each environment of a queue has a cluster: `arn:aws:ecs:<region>:<account>:task/<cluster>/<id>`. */
function clusterOf(task: string): string {
  return task.split('/')[1] ?? '';
}

function timesOf({ pullStartedAt, pullStoppedAt }: Task, placedAt: Date): TaskTimes {
  if (!pullStartedAt || !pullStoppedAt) return { placedAt };
  return { placedAt, imageSeconds: (pullStoppedAt.getTime() - pullStartedAt.getTime()) / 1000 };
}
