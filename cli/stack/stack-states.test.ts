/** `deploy` and `destroy` on stacks in every state that CloudFormation knows, on a server that answers as CloudFormation does. */
import { describe, expect, test } from 'vitest';
import { destroy, findDeployed } from './destroy.ts';
import { LoopbackCloud, type LoopbackStack } from './loopback-cloud.fixture.ts';
import { readyStack } from './ready-stack.ts';

const STACK = 'AWS::CloudFormation::Stack';
const outputs = { BucketName: 'models', JobQueueArn: 'queue' };

async function givenStack(stack: LoopbackStack | undefined) {
  const cloud = new LoopbackCloud();
  cloud.stack = stack;
  return { cloud, target: await cloud.open() };
}

describe('destroy', () => {
  test.each([
    ['REVIEW_IN_PROGRESS'],
    ['CREATE_FAILED'],
    ['ROLLBACK_COMPLETE'],
    ['ROLLBACK_FAILED'],
    ['DELETE_FAILED'],
    ['CREATE_COMPLETE'],
    ['UPDATE_ROLLBACK_COMPLETE'],
    ['UPDATE_ROLLBACK_FAILED'],
    ['CREATE_IN_PROGRESS'],
    ['ROLLBACK_IN_PROGRESS'],
    ['DELETE_IN_PROGRESS'],
  ])('deletes a stack in %s', async (status) => {
    const { cloud, target } = await givenStack({ statuses: [status] });
    await using _ = cloud;

    await destroy(target, await findDeployed(target));

    expect(cloud.stack?.statuses).toEqual(['DELETE_COMPLETE']);
    expect((await findDeployed(target)).stack).toBeUndefined();
  });

  test('deletes nothing of a stack that is protected, its models included, and says how to lift that', async () => {
    const { cloud, target } = await givenStack({ statuses: ['CREATE_COMPLETE'], outputs, isProtected: true });
    await using _ = cloud;
    cloud.buckets.set('models', ['models/1/card.json']);

    await expect(destroy(target, await findDeployed(target), { deleteModels: true })).rejects.toThrow(
      'aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name Cifar10 --region eu-west-1',
    );
    expect(cloud.asked).not.toContain('DeleteStack');
    expect(cloud.buckets.get('models')).toEqual(['models/1/card.json']);
  });

  test.each(['UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'UPDATE_ROLLBACK_IN_PROGRESS'])(
    'waits in %s, in which CloudFormation refuses to delete it',
    async (status) => {
      const { cloud, target } = await givenStack({ statuses: [status, status, status, 'UPDATE_COMPLETE'], outputs });
      await using _ = cloud;
      const reported: string[] = [];

      await destroy(target, await findDeployed(target), { report: (line) => reported.push(line) });

      expect(cloud.stack?.statuses).toEqual(['DELETE_COMPLETE']);
      expect(reported).toContain(`wait for the end of ${status}`);
      expect(cloud.asked.filter((action) => action === 'DeleteStack')).toHaveLength(2);
    },
  );

  test('says which resource cannot be deleted, and how to delete the others', async () => {
    const { cloud, target } = await givenStack({
      statuses: ['CREATE_COMPLETE'],
      outputs,
      afterDeletion: [['DELETE_IN_PROGRESS', 'DELETE_FAILED'], ['DELETE_FAILED']],
      events: [
        ['Cifar10', STACK, 'DELETE_FAILED', 'The following resource(s) failed to delete: [Network].'],
        ['Network', 'AWS::EC2::VPC', 'DELETE_FAILED', 'The vpc has dependencies and cannot be deleted.'],
        ['Cifar10', STACK, 'DELETE_IN_PROGRESS', 'User Initiated'],
      ],
    });
    await using _ = cloud;

    const message = await failure(destroy(target, await findDeployed(target)));

    expect(message).toContain('it is in DELETE_FAILED');
    expect(message).toContain('Network (AWS::EC2::VPC): The vpc has dependencies and cannot be deleted.');
    expect(message).toContain('--retain-resources Network');
    expect(message).not.toContain('The following resource');
    expect(cloud.asked.filter((action) => action === 'DeleteStack')).toHaveLength(2); // it was tried twice
  });

  test('tries once more what fails because a resource was still in use', async () => {
    const { cloud, target } = await givenStack({ statuses: ['CREATE_COMPLETE'], afterDeletion: [['DELETE_FAILED']] });
    await using _ = cloud;

    await destroy(target, await findDeployed(target));

    expect(cloud.stack?.statuses).toEqual(['DELETE_COMPLETE']);
  });

  test('a deletion that was interrupted is taken up, also between the stack and its bucket', async () => {
    const { cloud, target } = await givenStack({ statuses: ['DELETE_IN_PROGRESS'], outputs });
    await using _ = cloud;
    cloud.buckets.set('models', ['models/1/manifest.json']);
    await destroy(target, await findDeployed(target), { deleteModels: true });
    expect(cloud.stack?.statuses).toEqual(['DELETE_COMPLETE']);
    expect(cloud.buckets.has('models')).toBe(false);

    cloud.stack = undefined;
    cloud.deleted = { statuses: [], resources: { Models: ['AWS::S3::Bucket', 'models', 'DELETE_SKIPPED'] } };
    cloud.buckets.set('models', ['runs/1/late.json']);
    const found = await findDeployed(target);
    expect(found).toEqual({ stack: undefined, bucket: 'models' });
    await destroy(target, found, { deleteModels: true });
    expect(cloud.buckets.has('models')).toBe(false);
    expect(await findDeployed(target)).toEqual({ stack: undefined, bucket: undefined });
  });

  test('finds the bucket that a failed creation has left, and keeps it unless it is asked to delete it', async () => {
    const resources = { ModelsBucket: ['AWS::S3::Bucket', 'left-over', 'DELETE_FAILED'] as const };
    const { cloud, target } = await givenStack({ statuses: ['ROLLBACK_FAILED'], resources });
    await using _ = cloud;
    cloud.buckets.set('left-over', ['runs/1/log']);

    const found = await findDeployed(target);
    await destroy(target, found);
    expect(cloud.buckets.get('left-over')).toEqual(['runs/1/log']);

    cloud.stack = { statuses: ['ROLLBACK_FAILED'], resources };
    await destroy(target, found, { deleteModels: true });
    expect(cloud.buckets.size).toBe(0);
  });
});

describe('before a deployment', () => {
  test.each(['REVIEW_IN_PROGRESS', 'CREATE_FAILED', 'ROLLBACK_COMPLETE', 'ROLLBACK_FAILED', 'DELETE_FAILED'])(
    'what is left in %s is deleted, and the stack created again',
    async (status) => {
      const { cloud, target } = await givenStack({ statuses: [status] });
      await using _ = cloud;

      expect(await readyStack(target, () => {})).toBeUndefined();
      expect(cloud.stack?.statuses).toEqual(['DELETE_COMPLETE']);
    },
  );

  test.each(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE'])('%s is updated', async (status) => {
    const { cloud, target } = await givenStack({ statuses: [status], outputs });
    await using _ = cloud;

    expect(await readyStack(target, () => {})).toMatchObject({ status, outputs });
    expect(cloud.asked).not.toContain('DeleteStack');
  });

  test.each([
    [['CREATE_IN_PROGRESS', 'CREATE_COMPLETE'], 'CREATE_COMPLETE'],
    [['UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'UPDATE_COMPLETE'], 'UPDATE_COMPLETE'],
    [['CREATE_IN_PROGRESS', 'ROLLBACK_IN_PROGRESS', 'ROLLBACK_COMPLETE'], undefined],
    [['DELETE_IN_PROGRESS', 'DELETE_COMPLETE'], undefined],
  ])('the operation of another deployment ends first: %s', async (statuses, status) => {
    const { cloud, target } = await givenStack({ statuses });
    await using _ = cloud;
    const reported: string[] = [];

    expect((await readyStack(target, (line) => reported.push(line)))?.status).toBe(status);
    expect(reported[0]).toMatch(new RegExp(`^wait for another deployment: ${statuses[0]} since \\d`));
  });

  test('where the way back failed as well, the command that continues it is named', async () => {
    const { cloud, target } = await givenStack({
      statuses: ['UPDATE_ROLLBACK_FAILED'],
      outputs,
      events: [
        ['Cifar10', STACK, 'UPDATE_ROLLBACK_FAILED', 'The following resource(s) failed to update: [Queue].'],
        ['Queue', 'AWS::Batch::JobQueue', 'UPDATE_FAILED', 'The queue was deleted.'],
        ['Cifar10', STACK, 'UPDATE_ROLLBACK_IN_PROGRESS', 'The following resource(s) failed to update: [Api].'],
        ['Api', 'AWS::ApiGateway::RestApi', 'UPDATE_FAILED', 'Too many requests'],
        ['Cifar10', STACK, 'UPDATE_IN_PROGRESS', 'User Initiated'],
      ],
    });
    await using _ = cloud;

    const message = await failure(readyStack(target, () => {}));

    expect(message).toContain('Api (AWS::ApiGateway::RestApi): Too many requests\n  Queue (AWS::Batch::JobQueue):');
    expect(message).toContain('aws cloudformation continue-update-rollback --stack-name Cifar10 --region eu-west-1');
    expect(cloud.asked).not.toContain('DeleteStack');
  });
});

test('the cause of a failed creation is found under 285 events, the newest 200 of which are not about it', async () => {
  const many = (count: number, status: string, reason?: string) =>
    Array.from({ length: count }, (_, i) => [`R${i}`, 'AWS::IAM::Role', status, reason] as const);
  const { cloud, target } = await givenStack({
    statuses: ['ROLLBACK_FAILED'],
    afterDeletion: [['DELETE_FAILED'], ['DELETE_FAILED']],
    events: [
      ['Cifar10', STACK, 'ROLLBACK_COMPLETE'],
      ...many(180, 'DELETE_COMPLETE'),
      ['Cifar10', STACK, 'ROLLBACK_IN_PROGRESS', 'The following resource(s) failed to create: [Spot].'],
      ...many(40, 'CREATE_FAILED', 'Resource creation cancelled'),
      ['Spot', 'AWS::Batch::ComputeEnvironment', 'CREATE_FAILED', 'Instance type can only be one of [g4dn, g5]'],
      ...many(60, 'CREATE_COMPLETE'),
      ['Cifar10', STACK, 'CREATE_IN_PROGRESS', 'User Initiated'],
      ['Other', 'AWS::S3::Bucket', 'CREATE_FAILED', 'of the stack before'],
    ],
  });
  await using _ = cloud;

  const message = await failure(destroy(target, await findDeployed(target)));

  expect(message).toContain('Spot (AWS::Batch::ComputeEnvironment): Instance type can only be one of [g4dn, g5]');
  expect(message).not.toMatch(/cancelled|the stack before/);
  expect(cloud.asked.filter((action) => action === 'DescribeStackEvents').length).toBeGreaterThanOrEqual(3);
});

test('other commands say of a stack that is not whole what to do', async () => {
  const { cloud, target } = await givenStack(undefined);
  await using _ = cloud;
  await expect(target.stack()).rejects.toThrow('is not deployed. Deploy it with "./cifar10 deploy --target aws".');
  cloud.stack = { statuses: ['ROLLBACK_COMPLETE'] };
  await expect(target.stack()).rejects.toThrow('its creation failed (ROLLBACK_COMPLETE). "./cifar10 deploy --target');
  cloud.stack = { statuses: ['CREATE_IN_PROGRESS'] };
  await expect(target.stack()).rejects.toThrow('is not deployed yet: CloudFormation is at work (CREATE_IN_PROGRESS)');
});

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => '',
    (error: Error) => error.message,
  );
}
