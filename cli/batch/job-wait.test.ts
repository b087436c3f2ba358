import { describe, expect, it, test } from 'vitest';
import type { Job } from './batch-jobs.ts';
import { type Circumstances, explainReason, explainWait, secondsWaited, type WaitCause } from './job-wait.ts';

const job: Job = {
  ...{ id: 'a1', run: 'monday', command: ['train', 'quick'], device: 'gpu', queue: 'queue', status: 'RUNNABLE' },
  ...{ createdAt: new Date(0), attempts: [], attemptsAllowed: 5 },
};
const environment = {
  name: 'Spot',
  status: 'VALID',
  instanceTypes: ['g4dn.xlarge', 'g5.xlarge'],
  subnets: ['subnet-1'],
};
const invalid = { ...environment, status: 'INVALID', reason: 'CLIENT_ERROR - Instance type can only be one of [g4dn]' };
const none = { region: 'eu-west-1', onDemand: 0, spot: 0 };
const enough = { region: 'eu-west-1', onDemand: 8, spot: 0 };

/** As in AWS's pages on jobs that are stuck in RUNNABLE. */
const reasons = {
  capacity:
    'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance type [g4dn.xlarge]',
  maxVcpus:
    'MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) associated with the job queue cannot meet the CPU requirement of the job.',
  tooLarge:
    'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that can be met by the CE(s) attached to the job queue.',
  unsupported:
    'MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED - Your compute environment associated with this job queue has an unsupported instance type configuration.',
  role: 'MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS – Batch service role has a permission issue.',
  invalid: 'ACTION_REQUIRED - CE(s) associated with the job queue are invalid.',
  undetermined: 'UNDETERMINED - Batch job is blocked, root cause is undetermined.',
} as const;

test.each<[keyof typeof reasons, Circumstances, WaitCause, string, string]>([
  ['capacity', {}, 'capacity', 'AWS has no free g4dn.xlarge at the moment', '--on cpu'],
  ['maxVcpus', {}, 'size', 'it asks for more vCPUs than the queue may start at all', 'max-vcpus'],
  [
    ...(['tooLarge', { environments: [environment] }, 'size'] as const),
    'it asks for more memory, vCPUs or GPUs than any instance type of the queue has (g4dn.xlarge, g5.xlarge)',
    'larger instance types',
  ],
  [
    ...(['unsupported', { environments: [environment] }, 'instance-type'] as const),
    'the instance types of the queue (g4dn.xlarge, g5.xlarge) are not offered here, or not with its launch template',
    'describe-instance-type-offerings',
  ],
  ['role', {}, 'service-role', 'Batch lacks a permission in this account', 'AWSServiceRoleForBatch'],
  ['invalid', {}, 'environment', 'the compute environments of the queue are INVALID', 'deploy again'],
  [
    ...(['invalid', { environments: [invalid] }, 'environment'] as const),
    'the compute environments of the queue are INVALID (CLIENT_ERROR - Instance type can only be one of [g4dn])',
    'deploy again',
  ],
  [
    ...(['undetermined', {}, 'undetermined', 'Batch has found no reason why the job does not start'] as const),
    '--quota-code …", L-DB2E81BA and, for Spot, L-3819A6DF',
  ],
  [
    ...(['undetermined', { quota: none }, 'quota'] as const),
    'the quota of GPU instances in eu-west-1 is below one instance (on demand 0 vCPUs, Spot 0)',
    'https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-DB2E81BA?region=eu-west-1',
  ],
  ['capacity', { quota: none }, 'quota', 'the quota of GPU instances', 'train on CPUs with "--on cpu"'],
  ['undetermined', { quota: enough }, 'undetermined', 'Batch has found no reason', 'whether other instances use up'],
  [
    ...(['undetermined', { unroutedSubnets: ['subnet-1'] }, 'route'] as const),
    'no route leads from subnet-1 to the Internet',
    '0.0.0.0/0',
  ],
  ['undetermined', { environments: [invalid] }, 'environment', 'INVALID (CLIENT_ERROR', 'deploy again'],
  ['tooLarge', { unroutedSubnets: ['subnet-1'] }, 'size', 'more memory', 'larger instance types'],
])('%s with %j is %s', (name, circumstances, cause, text, advice) => {
  const wait = explainWait({ ...job, reason: reasons[name] }, circumstances);
  expect(wait).toMatchObject({ cause, text: expect.stringContaining(text), advice: expect.stringContaining(advice) });
});

describe('explainWait', () => {
  it.each([
    [{ queue: { state: 'DISABLED', status: 'VALID' } }, 'queue', 'the queue is disabled'],
    [{ queue: { state: 'ENABLED', status: 'INVALID', reason: 'gone' } }, 'queue', 'the queue is INVALID (gone)'],
    [{ environments: [{ ...environment, state: 'DISABLED' }] }, 'environment', 'queue are disabled'],
    [{ environments: [environment, invalid] }, 'machine', 'Batch has no machine for it yet'],
    [{ ahead: 1 }, 'turn', '1 older job of the queue has not ended'],
    [{ ahead: 4 }, 'turn', '4 older jobs of the queue have not ended'],
    [{ quota: none }, 'quota', 'the quota of GPU instances'],
    [{}, 'machine', 'Batch has no machine for it yet'],
  ] as const)('takes %j for what it is, where Batch gives no reason', (circumstances, cause, text) => {
    expect(explainWait(job, circumstances)).toMatchObject({ cause, text: expect.stringContaining(text) });
  });

  it('does not blame the quota of GPUs for a job on CPUs, and names the other quota', () => {
    const wait = explainWait({ ...job, device: 'cpu' }, { quota: none });
    expect(wait?.cause).toBe('machine');
    expect(wait?.advice).toContain('L-1216C47A');
  });

  it('says that the image cannot be pulled, while the next attempt waits', () => {
    const reason = "CannotPullContainerError: pull image manifest has been retried 7 time(s): image 'x' not found.";
    expect(explainWait({ ...job, attempts: [{ reason: `Task failed to start; ${reason}` }] })).toMatchObject({
      cause: 'image',
      text: `the image cannot be pulled (${reason.slice(0, -1)})`,
    });
  });

  it('tells a machine that starts from none, and has nothing to say of a job that runs or has ended', () => {
    expect(explainWait({ ...job, status: 'STARTING' }, { quota: none })?.cause).toBe('start');
    expect(explainWait({ ...job, status: 'RUNNING' })).toBeUndefined();
    expect(explainWait({ ...job, status: 'FAILED', reason: reasons.capacity })).toBeUndefined();
  });
});

test('a job that Batch has cancelled for waiting is told in the same words', () => {
  const reason = 'Canceled by JobStateTimeLimit action due to reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT';
  expect(explainReason({ reason })?.cause).toBe('size');
  expect(explainReason({ reason: 'Host EC2 (instance i-0) terminated.' })).toBeUndefined();
});

test('a wait begins with the job, and again when an attempt has ended', () => {
  expect(secondsWaited(job, 90_000)).toBe(90);
  expect(secondsWaited({ ...job, attempts: [{ stoppedAt: new Date(60_000) }] }, 90_000)).toBe(30);
});
