import type { StackEvent } from '@aws-sdk/client-cloudformation';
import { describe, expect, it } from 'vitest';
import { adviceOnAlarm, failuresOf, isAlarm } from './stack-failures.ts';
import type { Target } from './target.ts';

function event(type: string, id: string, status: string, reason?: string): StackEvent {
  const ResourceStatus = status as StackEvent['ResourceStatus'];
  return {
    ...{ StackId: 'arn', EventId: id, StackName: 'Cifar10', Timestamp: new Date(0) },
    ...{ ResourceType: `AWS::${type}`, LogicalResourceId: id, ResourceStatus },
    ...(reason === undefined ? {} : { ResourceStatusReason: reason }),
  };
}

describe('failuresOf', () => {
  it('tells the causes of the last operation, the first to fail first, and not what was cancelled for them', () => {
    const latestFirst = [
      event('CloudFormation::Stack', 'Cifar10', 'UPDATE_ROLLBACK_COMPLETE'),
      event('CloudFormation::Stack', 'Cifar10', 'UPDATE_ROLLBACK_IN_PROGRESS', 'The following resource(s) failed …'),
      event('IAM::Role', 'Role', 'UPDATE_FAILED', 'Resource update cancelled'),
      event('Batch::JobQueue', 'Queue', 'UPDATE_FAILED', 'second'),
      event('S3::Bucket', 'Bucket', 'UPDATE_FAILED', 'first'),
      event('CloudFormation::Stack', 'Cifar10', 'UPDATE_IN_PROGRESS', 'User Initiated'),
      event('EC2::VPC', 'Vpc', 'CREATE_FAILED', 'of the operation before'),
      event('CloudFormation::Stack', 'Cifar10', 'CREATE_IN_PROGRESS', 'User Initiated'),
    ];

    expect(failuresOf(latestFirst)).toEqual([
      'Bucket (AWS::S3::Bucket): first',
      'Queue (AWS::Batch::JobQueue): second',
    ]);
  });

  it('tells of a stack that fails as a whole', () => {
    const latestFirst = [
      event('CloudFormation::Stack', 'Cifar10', 'CREATE_FAILED', 'The role cannot be assumed'),
      event('CloudFormation::Stack', 'Cifar10', 'CREATE_IN_PROGRESS'),
    ];

    expect(failuresOf(latestFirst)).toEqual(['Cifar10 (AWS::CloudFormation::Stack): The role cannot be assumed']);
  });

  it('is empty where nothing failed', () => {
    expect(failuresOf([])).toEqual([]);
    expect(failuresOf([event('CloudFormation::Stack', 'Cifar10', 'UPDATE_COMPLETE')])).toEqual([]);
  });
});

it('knows that CodeDeploy was stopped by an alarm, and names the way without it', () => {
  // As CloudFormation has it from CodeDeploy.
  const reason =
    'Resource handler returned message: "d-RGSWBD91L failed. One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected deployments have been stopped. Activated alarms: <Cifar10-WatchServerErrors>"';
  const [failure = ''] = failuresOf([event('Lambda::Alias', 'ClassifierLive', 'UPDATE_FAILED', reason)]);

  expect(isAlarm(failure)).toBe(true);
  expect(isAlarm('ClassifierLive (AWS::Lambda::Alias): d-1 failed. The deployment was stopped.')).toBe(false);
  const prod = { name: 'aws', stage: 'prod' } as Target;
  expect(adviceOnAlarm(prod)).toContain('"./cifar10 deploy --shift all-at-once --target aws --stage prod"');
});
