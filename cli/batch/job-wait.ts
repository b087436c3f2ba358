import type { Job } from './batch-jobs.ts';
import { explainGpuQuota, type GpuQuota, mayRunGpus } from './gpu-quota.ts';
import type { Device } from './queues.ts';

export type WaitCause =
  /** Nothing is known to be wrong. */
  | 'machine'
  /** Older jobs are before it. */
  | 'turn'
  /** The machine fetches the image. */
  | 'start'
  | 'quota'
  | 'capacity'
  /** The region or its zones have no instance of the queue's types, or none that starts with its settings. */
  | 'instance-type'
  /** No instance is large enough, or the environments may not start as many vCPUs. */
  | 'size'
  | 'service-role'
  | 'environment'
  | 'queue'
  | 'image'
  | 'route'
  | 'undetermined';

/** Why a job does not run yet. */
export interface Wait {
  readonly cause: WaitCause;
  /** A clause without a full stop, such as "AWS has no free g4dn.xlarge at the moment". */
  readonly text: string;
  /** What to do, or to check. */
  readonly advice: string;
}

/** What is known beside the job itself; what is absent could not be read, or was not. */
export interface Circumstances {
  readonly queue?: {
    readonly state?: string | undefined;
    readonly status?: string | undefined;
    readonly reason?: string | undefined;
  };
  readonly environments?: readonly Environment[];
  /** For jobs on GPUs. */
  readonly quota?: GpuQuota;
  /** Unfinished jobs of the queue that were submitted earlier. */
  readonly ahead?: number;
  /** Subnets of the environments from which no route leads to the Internet. */
  readonly unroutedSubnets?: readonly string[];
}

/** A compute environment, as Batch describes it. */
export interface Environment {
  readonly name: string;
  readonly state?: string | undefined;
  readonly status?: string | undefined;
  readonly reason?: string | undefined;
  readonly instanceTypes: readonly string[];
  readonly subnets: readonly string[];
}

/** Seconds after which a wait deserves advice: an instance takes two to five minutes. */
export const ADVICE_SECONDS = 600;

/** Before an attempt runs: it has no machine, or one that does not run its container yet. */
export function isWaiting({ status }: Pick<Job, 'status'>): boolean {
  return status !== 'RUNNING' && status !== 'SUCCEEDED' && status !== 'FAILED';
}

/** Whether no machine has been given to the job. */
export function hasNoMachine(job: Pick<Job, 'status'>): boolean {
  return isWaiting(job) && job.status !== 'STARTING';
}

/** Seconds that a job has waited for its next attempt, by the clock of this machine. */
export function secondsWaited({ createdAt, attempts }: Pick<Job, 'createdAt' | 'attempts'>, now = Date.now()): number {
  return Math.max(0, (now - (attempts.at(-1)?.stoppedAt ?? createdAt).getTime()) / 1000);
}

/**
 * Why a job waits, from what AWS documents of its reasons.
 *
 * @returns `undefined` for a job that does not wait
 * @see https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html
 */
export function explainWait(job: Job, circumstances: Circumstances = {}): Wait | undefined {
  if (!isWaiting(job)) return undefined;
  const { queue, environments = [], quota, ahead = 0, unroutedSubnets = [] } = circumstances;
  const pullFailure = job.attempts.at(-1)?.reason?.match(/CannotPull.*/s)?.[0];
  if (pullFailure !== undefined) return unpullable(pullFailure);
  if (job.status === 'STARTING') return starting;
  if (queue && (queue.state === 'DISABLED' || queue.status === 'INVALID')) return badQueue(queue, job.queue);
  if (job.device === 'gpu' && quota && mayRunGpus(quota) === false) return noQuota(quota);
  const bad = environments.filter(({ state, status }) => state === 'DISABLED' || status === 'INVALID');
  const documented = explainReason(job, circumstances);
  if (documented && documented.cause !== 'environment' && documented.cause !== 'undetermined') return documented;
  if (environments.length > 0 && bad.length === environments.length) return badEnvironments(bad);
  if (unroutedSubnets.length > 0) return unrouted(unroutedSubnets);
  if (documented) return documented;
  if (ahead > 0) return behind(ahead);
  return {
    cause: 'machine',
    text: 'Batch has no machine for it yet, and gives no reason',
    advice: checks(job.device, quota),
  };
}

/**
 * A reason of Batch's for a job that waits, or that it has cancelled for having waited.
 *
 * @returns `undefined` for a reason that AWS does not document, and for none
 */
export function explainReason(
  { reason = '', device }: Pick<Job, 'reason' | 'device'>,
  { environments = [], quota }: Circumstances = {},
): Wait | undefined {
  const [, code = ''] = /\b((?:CAPACITY|MISCONFIGURATION):\w+|ACTION_REQUIRED|UNDETERMINED)\b/.exec(reason) ?? [];
  const types = [...new Set(environments.flatMap(({ instanceTypes }) => instanceTypes))].join(', ');
  const ofQueue = types ? ` (${types})` : '';
  switch (code) {
    case 'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY': {
      const type = /instance type \[?([\w.,\s-]+?)\]?[.\s]*$/.exec(reason)?.[1];
      return {
        cause: 'capacity',
        text: `AWS has no free ${type ?? 'instance for it'} at the moment`,
        advice: 'Batch keeps trying. More instance types, another region or "--on cpu" wait less.',
      };
    }
    case 'MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE':
      return {
        cause: 'size',
        text: 'it asks for more vCPUs than the queue may start at all',
        advice: 'Deploy with --max-vcpus and the vCPUs of a job or more, and submit again.',
      };
    case 'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT':
      return {
        cause: 'size',
        text: `it asks for more memory, vCPUs or GPUs than any instance type of the queue has${ofQueue}`,
        advice:
          'Lower what a job asks for, or name larger instance types, deploy, and submit again. The system of an instance takes part of its memory.',
      };
    case 'MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED':
      return {
        cause: 'instance-type',
        text: `the instance types of the queue${ofQueue} are not offered here, or not with its launch template`,
        advice:
          '"./cifar10 deploy --target aws" takes the types that the region has; look at those of your zones with "aws ec2 describe-instance-type-offerings --location-type availability-zone".',
      };
    case 'MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS':
      return {
        cause: 'service-role',
        text: 'Batch lacks a permission in this account',
        advice:
          'The role AWSServiceRoleForBatch must exist and no policy of the organization may deny what it does: "aws iam get-role --role-name AWSServiceRoleForBatch".',
      };
    case 'ACTION_REQUIRED':
      return badEnvironments(environments.filter(({ status }) => status === 'INVALID'));
    case 'UNDETERMINED':
      return {
        cause: 'undetermined',
        text: 'Batch has found no reason why the job does not start',
        advice: checks(device, quota),
      };
    default:
      return undefined;
  }
}

const starting: Wait = {
  cause: 'start',
  text: 'its machine fetches the image',
  advice:
    'Several gigabytes take minutes. If it stays so, look at the instance in the EC2 console, and whether the image still exists in its registry.',
};

function unpullable(failure: string): Wait {
  return {
    cause: 'image',
    text: `the image cannot be pulled (${failure.replace(/\.\s*$/, '')})`,
    advice:
      'The image must exist, in this region and in a registry that the job may read: "./cifar10 deploy --target aws" builds and pushes it again. Batch retries.',
  };
}

function badQueue({ state, status, reason }: NonNullable<Circumstances['queue']>, arn: string): Wait {
  const because = reason ? ` (${reason})` : '';
  return state === 'DISABLED'
    ? {
        cause: 'queue',
        text: 'the queue is disabled',
        advice: `Enable it with "aws batch update-job-queue --state ENABLED --job-queue ${arn}".`,
      }
    : { cause: 'queue', text: `the queue is ${status}${because}`, advice: 'Deploy the stack again.' };
}

function badEnvironments(bad: readonly Environment[]): Wait {
  const reasons = [...new Set(bad.flatMap(({ reason }) => reason ?? []))].join('; ');
  const [first] = bad;
  if (first && bad.every(({ state }) => state === 'DISABLED')) {
    return {
      cause: 'environment',
      text: 'the compute environments of the queue are disabled',
      advice: `Enable them: "aws batch update-compute-environment --state ENABLED --compute-environment ${first.name}".`,
    };
  }
  return {
    cause: 'environment',
    text: `the compute environments of the queue are INVALID${reasons ? ` (${reasons})` : ''}`,
    advice:
      'Mend what the reason names (an instance type that the region lacks, a role or a launch template that is gone) and deploy again. The reason: "aws batch describe-compute-environments".',
  };
}

function noQuota(quota: GpuQuota): Wait {
  return {
    cause: 'quota',
    text: `the quota of GPU instances in ${quota.region} is below one instance (on demand ${quota.onDemand} vCPUs, Spot ${quota.spot})`,
    advice: `${explainGpuQuota(quota)}\nUntil then, train on CPUs with "--on cpu".`,
  };
}

function unrouted(subnets: readonly string[]): Wait {
  return {
    cause: 'route',
    text: `no route leads from ${subnets.join(', ')} to the Internet, which instances need to report to Batch`,
    advice: 'Deploy the stack again, or give the route table of the subnet a route 0.0.0.0/0 to an Internet gateway.',
  };
}

function behind(ahead: number): Wait {
  return {
    cause: 'turn',
    text: `${ahead} older ${ahead === 1 ? 'job of the queue has' : 'jobs of the queue have'} not ended`,
    advice: 'It starts when there is room. "./cifar10 jobs" lists them.',
  };
}

/**
 * What to check where nothing is known.
 *
 * @see https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable_common_causes.html
 */
function checks(device: Device | undefined, quota: GpuQuota | undefined): string {
  const quotas = device === 'cpu' ? 'L-1216C47A and, for Spot, L-34B43A08' : 'L-DB2E81BA and, for Spot, L-3819A6DF';
  return [
    'Check, in this order:',
    quota && mayRunGpus(quota)
      ? `  - whether other instances use up the quota (on demand ${quota.onDemand ?? 'unknown'} vCPUs, Spot ${quota.spot ?? 'unknown'})`
      : `  - the quota of vCPUs: "aws service-quotas get-service-quota --service-code ec2 --quota-code …", ${quotas}`,
    '  - the activity of the Auto Scaling group that Batch made, in the EC2 console: it names what EC2 refuses',
    '  - whether an instance runs but has not joined the ECS cluster: it needs a public address and a route to the Internet',
    '  - the memory that a job asks for: an instance has less to give than its type says',
  ].join('\n');
}
