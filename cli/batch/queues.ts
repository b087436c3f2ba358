import { UsageError } from '#errors/user-error.ts';
import type { StackOutputs, Target } from '../stack/target.ts';

/** What a job trains on. */
export type Device = 'gpu' | 'cpu';

/** A queue of the stack, and the definition of its jobs. */
export interface Queue {
  readonly device: Device;
  readonly arn: string;
  readonly definition: string;
  /** Of a queue with Spot instances, where the stack submits a job again whose instances were reclaimed too often. */
  readonly onDemand?: Queue;
}

/**
 * The queues that jobs are submitted to, that for GPUs first. A stack of an earlier release has no other; where the region
 * has no GPU instances, there is only that for CPUs, under both names.
 */
export function queuesOf(stack: StackOutputs): readonly Queue[] {
  const { JobQueueArn, JobDefinitionName, OnDemandJobQueueArn } = stack;
  const { CpuJobQueueArn, CpuJobDefinitionName, CpuOnDemandJobQueueArn } = stack;
  const lanes: readonly (Lane | undefined)[] = [
    JobQueueArn === CpuJobQueueArn
      ? undefined
      : { device: 'gpu', arn: JobQueueArn, definition: JobDefinitionName, onDemandArn: OnDemandJobQueueArn },
    CpuJobQueueArn && CpuJobDefinitionName
      ? { device: 'cpu', arn: CpuJobQueueArn, definition: CpuJobDefinitionName, onDemandArn: CpuOnDemandJobQueueArn }
      : undefined,
  ];
  return lanes.flatMap((lane) => {
    if (lane === undefined) return [];
    const { onDemandArn, ...queue } = lane;
    return [{ ...queue, ...(onDemandArn && { onDemand: { ...queue, arn: onDemandArn } }) }];
  });
}

type Lane = Omit<Queue, 'onDemand'> & { readonly onDemandArn: string | undefined };

/** Every queue that may have a job of the stack. */
export function allQueuesOf(stack: StackOutputs): readonly Queue[] {
  return queuesOf(stack).flatMap((queue) => (queue.onDemand ? [queue, queue.onDemand] : [queue]));
}

/** @throws {UsageError} the stack has no such queue */
export function queueFor(device: Device, stack: StackOutputs, { name }: Pick<Target, 'name'>): Queue {
  const queues = queuesOf(stack);
  const queue = queues.find((each) => each.device === device);
  if (queue) return queue;
  throw new UsageError(
    device === 'cpu'
      ? `The stack has no queue for CPUs: an earlier release deployed it. Update it with "./cifar10 deploy --target ${name}".`
      : 'The stack has no queue for GPUs: its region has no GPU instances for it. Submit with "--on cpu", or deploy in another region.',
  );
}
