import { BatchClient, DescribeComputeEnvironmentsCommand, DescribeJobQueuesCommand } from '@aws-sdk/client-batch';
import type { RouteTable } from '@aws-sdk/client-ec2';
import type { ClientConfig, StackOutputs, Target } from '../stack/target.ts';
import { hasEnded, type Job, listJobs } from './batch-jobs.ts';
import { type GpuQuota, readGpuQuota } from './gpu-quota.ts';
import { type Circumstances, type Environment, explainWait, hasNoMachine, type Wait } from './job-wait.ts';

/**
 * Asks AWS why a job waits. What the user may not read, or AWS does not answer, is left out.
 *
 * @param jobs of the stack, if they are known. @default they are listed
 * @returns `undefined` for a job that does not wait
 */
export async function readWait(
  target: Target,
  stack: StackOutputs,
  job: Job,
  jobs?: readonly Job[],
): Promise<Wait | undefined> {
  if (!hasNoMachine(job)) return explainWait(job);
  const [queue, quota, ahead] = await Promise.all([
    known(readQueue(target.clientConfig, job.queue)),
    known(readQuota(target, job)),
    known(countAhead(target, stack, job, jobs)),
  ]);
  const unroutedSubnets = await known(readUnrouted(target, queue?.environments ?? []));
  return explainWait(job, { ...queue, ...defined({ quota, ahead, unroutedSubnets }) });
}

async function known<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  return promise.catch(() => undefined);
}

function defined<Value extends object>(value: Value): { [Key in keyof Value]?: NonNullable<Value[Key]> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Value;
}

async function readQueue(
  clientConfig: ClientConfig,
  arn: string,
): Promise<Required<Pick<Circumstances, 'queue' | 'environments'>>> {
  const batch = new BatchClient(clientConfig);
  const { jobQueues = [] } = await batch.send(new DescribeJobQueuesCommand({ jobQueues: [arn] }));
  const [queue] = jobQueues;
  const names = (queue?.computeEnvironmentOrder ?? []).flatMap(({ computeEnvironment }) => computeEnvironment ?? []);
  const { computeEnvironments = [] } =
    names.length === 0 ? {} : await batch.send(new DescribeComputeEnvironmentsCommand({ computeEnvironments: names }));
  return {
    queue: { state: queue?.state, status: queue?.status, reason: queue?.statusReason },
    environments: computeEnvironments.map(
      ({ computeEnvironmentName = '', state, status, statusReason, computeResources }): Environment => ({
        ...{ name: computeEnvironmentName, state, status, reason: statusReason },
        instanceTypes: computeResources?.instanceTypes ?? [],
        subnets: computeResources?.subnets ?? [],
      }),
    ),
  };
}

async function readQuota({ name, clientConfig }: Target, { device }: Job): Promise<GpuQuota | undefined> {
  return name === 'aws' && device === 'gpu' ? readGpuQuota(clientConfig) : undefined;
}

async function countAhead(target: Target, stack: StackOutputs, job: Job, jobs?: readonly Job[]): Promise<number> {
  const all = jobs ?? (await listJobs(target, stack));
  return all.filter((each) => each.queue === job.queue && !hasEnded(each) && each.createdAt < job.createdAt).length;
}

/** Subnets of the environments without a way out, if that is all of them. */
async function readUnrouted({ name, clientConfig }: Target, environments: readonly Environment[]): Promise<string[]> {
  const subnets = [...new Set(environments.flatMap((each) => each.subnets))];
  if (name !== 'aws' || subnets.length === 0) return [];
  const { DescribeRouteTablesCommand, DescribeSubnetsCommand, EC2Client } = await import('@aws-sdk/client-ec2');
  const ec2 = new EC2Client(clientConfig);
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ SubnetIds: subnets }));
  const vpcs = [...new Set(Subnets.flatMap(({ VpcId }) => VpcId ?? []))];
  const { RouteTables = [] } = await ec2.send(
    new DescribeRouteTablesCommand({ Filters: [{ Name: 'vpc-id', Values: vpcs }] }),
  );
  const unrouted = subnets.filter((subnet) => !isRouted(subnet, RouteTables));
  return unrouted.length === subnets.length ? unrouted : [];
}

/**
 * Whether the route table of a subnet, or else the main one of its VPC, leads to the Internet.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html
 */
function isRouted(subnet: string, tables: readonly RouteTable[]): boolean {
  const own = tables.find(({ Associations = [] }) => Associations.some(({ SubnetId }) => SubnetId === subnet));
  const table = own ?? tables.find(({ Associations = [] }) => Associations.some(({ Main }) => Main));
  return (table?.Routes ?? []).some(
    ({ DestinationCidrBlock, State }) => DestinationCidrBlock === '0.0.0.0/0' && State !== 'blackhole',
  );
}
