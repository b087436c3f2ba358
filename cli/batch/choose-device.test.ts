import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { openObjectStore } from '#models/stores/open.ts';
import { outputs, startAwsServer } from './aws-server.fixture.ts';
import { chooseDevice } from './choose-device.ts';
import type { Device } from './queues.ts';

interface Case {
  /** vCPUs of both quotas; `undefined` where they may not be read. */
  readonly quota: number | undefined;
  readonly asked?: Device;
  /** Whether the stack has a queue for CPUs alone, as that of an earlier release, or for GPUs alone. @default both */
  readonly only?: Device;
  /** @default aws */
  readonly name?: 'local' | 'aws';
  readonly device: Device;
  readonly why?: string;
}

test.each<Case>([
  { quota: 8, device: 'gpu' },
  { quota: 0, device: 'cpu', why: 'a run of quick costs $0.01 on c7a.large, $0.05 on g4dn.xlarge)' },
  { quota: 0, asked: 'gpu', device: 'gpu', why: 'The job waits until then.' },
  { quota: 0, only: 'gpu', device: 'gpu', why: 'with "./cifar10 deploy --target aws" adds a queue for CPUs' },
  { quota: 0, asked: 'cpu', device: 'cpu' },
  { quota: undefined, device: 'gpu' },
  { quota: 8, only: 'cpu', device: 'cpu', why: 'the region of the stack has no GPU instances' },
  { quota: 0, name: 'local', device: 'gpu' },
  { quota: 0, name: 'local', asked: 'cpu', device: 'cpu' },
])('chooses the device of a job: %j', async ({ quota, asked, only, name = 'aws', device, why }) => {
  await using aws = await startAwsServer(() =>
    quota === undefined ? { error: 'AccessDeniedException' } : { output: { Quota: { Value: quota } } },
  );
  const { CpuJobQueueArn, CpuJobDefinitionName, ...before } = outputs;
  const withoutGpus = { ...outputs, JobQueueArn: CpuJobQueueArn, JobDefinitionName: CpuJobDefinitionName };
  const stack = only === undefined ? outputs : only === 'gpu' ? before : withoutGpus;
  const target = aws.target(await openObjectStore(tmpdir()), { name, stack });

  const choice = await chooseDevice(target, await target.stack(), asked);

  expect(choice.device).toBe(device);
  if (why === undefined) expect(choice.why).toBeUndefined();
  else expect(choice.why).toContain(why);
});
