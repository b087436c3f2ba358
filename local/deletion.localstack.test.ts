import { randomUUID } from 'node:crypto';
import { CloudFormationClient, DeleteStackCommand, waitUntilStackDeleteComplete } from '@aws-sdk/client-cloudformation';
import { DeleteBucketCommand, GetBucketPolicyCommand, HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, expect, inject, test } from 'vitest';
import { deployStack } from './test-stack.ts';

const s3 = new S3Client({ forcePathStyle: true });
let name: string;
beforeAll(() => {
  name = `kept-${randomUUID()}`;
});

const keptOnceCreated = { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' };
const statement = { Effect: 'Deny', Principal: '*', Action: 's3:DeleteObject', Resource: '*' };

/** A bucket with a policy, and a queue that can be created only if there is a compute environment. */
const template = (others: object = {}) => ({
  Resources: {
    Bucket: { Type: 'AWS::S3::Bucket', Properties: { BucketName: name }, ...keptOnceCreated },
    Policy: {
      Type: 'AWS::S3::BucketPolicy',
      Properties: { Bucket: { Ref: 'Bucket' }, PolicyDocument: { Statement: [statement] } },
      ...keptOnceCreated,
    },
    ...others,
  },
});

test('a bucket goes with a stack that was never created', async () => {
  const StackName = `failed-${randomUUID()}`;
  const order = [{ Order: 1, ComputeEnvironment: 'none' }];
  const Properties = { Priority: 1, ComputeEnvironmentOrder: order, JobQueueName: { Ref: 'Bucket' } };
  const Queue = { Type: 'AWS::Batch::JobQueue', Properties };
  await expect(deployStack(template({ Queue }), StackName)).rejects.toThrow(
    'of type ComputeEnvironment does not exist',
  );
  await s3.send(new HeadBucketCommand({ Bucket: name }));

  const client = new CloudFormationClient();
  await client.send(new DeleteStackCommand({ StackName }));
  await waitUntilStackDeleteComplete({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { StackName });

  await expect(s3.send(new HeadBucketCommand({ Bucket: name }))).rejects.toMatchObject({ name: 'NotFound' });
});

test('a bucket and its policy stay when the stack that created them is deleted', async () => {
  const stack = await deployStack(template());
  await stack.delete();

  await s3.send(new HeadBucketCommand({ Bucket: name }));
  expect((await s3.send(new GetBucketPolicyCommand({ Bucket: name }))).Policy).toContain('s3:DeleteObject');
  await s3.send(new DeleteBucketCommand({ Bucket: name }));
});

test('an instance profile changes its role with the template, and the former role is deleted', async () => {
  const withRole = (role: string) => ({
    Resources: {
      [role]: {
        Type: 'AWS::IAM::Role',
        Properties: { AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [] } },
      },
      Profile: { Type: 'AWS::IAM::InstanceProfile', Properties: { Roles: [{ Ref: role }] } },
    },
    Outputs: { Role: { Value: { Ref: role } } },
  });
  const stack = await deployStack(withRole('First'));
  const { Role: first } = stack.outputs;
  await stack.update(withRole('Second'));
  const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request' };
  const query = (RoleName = '') => new URLSearchParams({ Action: 'GetRole', Version: '2010-05-08', RoleName });
  const status = async (role: string | undefined) =>
    (await fetch(`${inject('localStack').endpoint}/`, { method: 'POST', headers, body: query(role) })).status;
  expect([await status(first), await status(stack.outputs.Role)]).toEqual([404, 200]);
  await stack.delete();
});
