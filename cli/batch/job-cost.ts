import { defaultMaxVcpus, jobVcpus } from '#infra/training/max-vcpus.ts';
import { machineCost } from '../cost/fleet-cost.ts';
import prices from '../cost/prices.json' with { type: 'json' };
import { imageSeconds, trainingImages, typicalRun } from '../cost/training-cost.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import type { Job } from './batch-jobs.ts';
import type { JobTimes } from './job-times.ts';
import { isWaiting } from './job-wait.ts';
import type { Device } from './queues.ts';

/** Seconds that an instance is paid for besides the jobs that it runs: its boot, the image, and its end. */
export function startSecondsOf(device: Device): number {
  return typicalRun.bootSeconds + imageSeconds(trainingImages[device]);
}

/** The most instances that a queue has at a time, on Spot and on demand. */
export function mostMachines({ MaxVcpus }: Pick<StackOutputs, 'MaxVcpus'>, device: Device): number {
  const limit = MaxVcpus === undefined ? defaultMaxVcpus : Number(MaxVcpus);
  return 2 * Math.floor(limit / (device === 'gpu' ? jobVcpus : CPU_VCPUS));
}

/** vCPUs of the instances of the CPU queue. */
const CPU_VCPUS = 2;

/**
 * Dollars for the machine time of a queue, on demand: Spot instances cost less.
 *
 * @param instanceType where it is known. @default the dearest of the queue
 * @returns `undefined` where it costs nothing, or no price is known
 */
export function machineDollars(
  { name }: Pick<Target, 'name'>,
  { InstanceTypes = '', CpuInstanceTypes = '' }: StackOutputs,
  device: Device,
  seconds: number,
  instanceType?: string,
): number | undefined {
  if (name !== 'aws') return undefined;
  const types = (device === 'gpu' ? InstanceTypes : CpuInstanceTypes).split(' ');
  return machineCost(seconds, instanceType === undefined ? types : [instanceType], prices);
}

/** Dollars for a job so far, as if each attempt had started a machine for itself. */
export function jobDollars(
  target: Pick<Target, 'name'>,
  stack: StackOutputs,
  job: Job,
  { running }: JobTimes,
  instanceType?: string,
): number | undefined {
  if (job.device === undefined) return undefined;
  const begun = job.attempts.filter(({ startedAt }) => startedAt).length + (job.status === 'RUNNING' ? 1 : 0);
  if (begun === 0 && isWaiting(job)) return 0;
  return machineDollars(target, stack, job.device, running + begun * startSecondsOf(job.device), instanceType);
}
