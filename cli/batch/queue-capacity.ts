import {
  BatchClient,
  type ContainerProperties,
  DescribeComputeEnvironmentsCommand,
  DescribeJobQueuesCommand,
} from '@aws-sdk/client-batch';
import type { Target } from '../stack/target.ts';
import { newestDefinition } from './job-definition.ts';
import type { Queue } from './queues.ts';

/** What a queue can run at a time. */
export interface QueueCapacity {
  /** Jobs that have room at a time; the quotas of the account may be lower. Absent where AWS names no environments. */
  readonly atOnce?: number;
  /** vCPUs of a job. */
  readonly vcpus: number;
  /** Instance types of its environments; families and `optimal` as they are. */
  readonly instanceTypes: readonly string[];
}

/**
 * How many jobs a queue runs at a time: by the vCPUs that its environments may start, and those of its jobs. Batch takes the next
 * environment once the first is full.
 *
 * @returns `undefined` where the user may not read it, or AWS does not answer
 */
export async function readCapacity(
  target: Pick<Target, 'clientConfig'>,
  queue: Pick<Queue, 'arn' | 'definition'>,
): Promise<QueueCapacity | undefined> {
  return describeCapacity(target, queue).catch(() => undefined);
}

async function describeCapacity(
  { clientConfig }: Pick<Target, 'clientConfig'>,
  { arn, definition }: Pick<Queue, 'arn' | 'definition'>,
): Promise<QueueCapacity> {
  const batch = new BatchClient(clientConfig);
  const [{ jobQueues: [queue] = [] }, newest] = await Promise.all([
    batch.send(new DescribeJobQueuesCommand({ jobQueues: [arn] })),
    newestDefinition(batch, definition),
  ]);
  const names = (queue?.computeEnvironmentOrder ?? []).flatMap(({ computeEnvironment }) => computeEnvironment ?? []);
  const { computeEnvironments = [] } =
    names.length === 0 ? {} : await batch.send(new DescribeComputeEnvironmentsCommand({ computeEnvironments: names }));
  const resources = computeEnvironments.map(({ computeResources }) => computeResources);
  const vcpus = vcpusOf(newest?.containerProperties) ?? 1;
  return {
    ...(resources.length > 0 && {
      atOnce: resources.reduce((sum, each) => sum + Math.floor((each?.maxvCpus ?? 0) / vcpus), 0),
    }),
    vcpus,
    instanceTypes: [...new Set(resources.flatMap((each) => each?.instanceTypes ?? []))],
  };
}

function vcpusOf({ resourceRequirements = [], vcpus }: ContainerProperties = {}): number | undefined {
  const required = resourceRequirements.find(({ type }) => type === 'VCPU')?.value;
  return required === undefined ? vcpus : Number(required);
}
