import { UsageError } from '#errors/user-error.ts';
import type { StackOutputs, Target } from '../stack/target.ts';

/** What a job trains on. */
export type Device = 'gpu' | 'cpu';

/** A queue of the stack, and the definition of its jobs. */
export interface Queue {
  readonly device: Device;
  readonly arn: string;
  readonly definition: string;
}

/** Outputs of stacks that have a queue for CPUs. */
interface CpuOutputs {
  readonly CpuJobQueueArn?: string;
  readonly CpuJobDefinitionName?: string;
}

/** The stack's queues, that for GPUs first; one deployed by an earlier release has no other. */
export function queuesOf(stack: StackOutputs & CpuOutputs): readonly Queue[] {
  const { JobQueueArn, JobDefinitionName, CpuJobQueueArn, CpuJobDefinitionName } = stack;
  return [
    { device: 'gpu', arn: JobQueueArn, definition: JobDefinitionName },
    ...(CpuJobQueueArn && CpuJobDefinitionName
      ? [{ device: 'cpu' as const, arn: CpuJobQueueArn, definition: CpuJobDefinitionName }]
      : []),
  ];
}

/** @throws {UsageError} the stack has no such queue */
export function queueFor(device: Device, stack: StackOutputs, { name }: Pick<Target, 'name'>): Queue {
  const queue = queuesOf(stack).find((each) => each.device === device);
  if (queue) return queue;
  throw new UsageError(
    `The stack has no queue for ${device.toUpperCase()}s: an earlier release deployed it. Update it with "./cifar10 deploy --target ${name}".`,
  );
}
