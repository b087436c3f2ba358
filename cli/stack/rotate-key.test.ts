import { expect, test } from 'vitest';
import { LoopbackCloud } from './loopback-cloud.fixture.ts';
import { rotateKey } from './rotate-key.ts';

const outputs = { BucketName: 'models', RestApiId: 'abc', StageName: 'live', ApiKeyId: 'k1' };
const parameters = { BootstrapVersion: '/cdk-bootstrap/hnb659fds/version', ValidApiKeys: 'first' };

test.each([
  ['begin', 'first', 'first, second'],
  ['finish', 'first, second', 'second'],
  ['begin', 'second', 'second, first'],
  ['finish', 'second, first', 'first'],
] as const)('to %s where "%s" are valid asks for "%s", by the previous template', async (step, valid, next) => {
  await using cloud = new LoopbackCloud();
  const target = await cloud.open();
  const statuses = ['UPDATE_IN_PROGRESS', 'CREATE_COMPLETE']; // of somebody else's deployment
  cloud.stack = { statuses, outputs, parameters: { ...parameters, ValidApiKeys: valid } };
  const reported: string[] = [];

  await rotateKey(target, step, (line) => reported.push(line));
  expect(reported[0]).toBe('wait for CloudFormation: UPDATE_IN_PROGRESS');
  expect(cloud.updates).toHaveLength(1);
  expect(cloud.updates[0]).toMatchObject({
    ...{ StackName: 'Cifar10', UsePreviousTemplate: 'true' },
    ...{ 'Parameters.member.1.ParameterKey': 'BootstrapVersion', 'Parameters.member.1.UsePreviousValue': 'true' },
    ...{ 'Parameters.member.2.ParameterKey': 'ValidApiKeys', 'Parameters.member.2.ParameterValue': next },
  });
  expect(Object.keys(cloud.updates[0]!).filter((name) => /Template(Body|URL)|RoleARN|Tags/.test(name))).toEqual([]);
});

test.each([
  [
    'begin',
    { ValidApiKeys: 'first, second' },
    {},
    'A rotation is under way: two keys are valid. When all callers have',
  ],
  [
    'finish',
    { ValidApiKeys: 'second' },
    {},
    'No rotation is under way: one key is valid. Begin one with "./cifar10 key',
  ],
  [
    'begin',
    { ValidApiKeys: '' },
    {},
    'The stack is of an earlier release, whose key cannot be rotated. Run "./cifar10 deploy',
  ],
  ['begin', {}, { ApiKeyId: '', Auth: 'iam' }, 'it was deployed with --auth iam, and takes requests that are signed'],
  ['begin', {}, { ApiKeyId: '', Auth: 'none' }, 'The endpoint asks for no key: it was deployed with --auth none.'],
] as const)('to %s with %o, %o changes nothing, and says why', async (step, changed, more, message) => {
  await using cloud = new LoopbackCloud();
  const target = await cloud.open();
  const all = Object.entries({ ...outputs, ...more }).filter(([, value]) => value !== '');
  const given = Object.entries({ ...parameters, ...changed }).filter(([, value]) => value !== '');
  cloud.stack = {
    ...{ statuses: ['CREATE_COMPLETE'], outputs: Object.fromEntries(all), parameters: Object.fromEntries(given) },
  };
  await expect(rotateKey(target, step, () => {})).rejects.toThrow(message);
  expect(cloud.updates).toEqual([]);
});

test('an update that fails leaves the keys as they were, and says why it failed', async () => {
  await using cloud = new LoopbackCloud();
  const target = await cloud.open();
  cloud.stack = {
    ...{ statuses: ['CREATE_COMPLETE'], outputs, parameters },
    afterUpdate: ['UPDATE_ROLLBACK_IN_PROGRESS', 'UPDATE_ROLLBACK_COMPLETE'],
    events: [
      ['SecondKey', 'AWS::ApiGateway::ApiKey', 'CREATE_FAILED', 'API key limit exceeded'],
      ['Cifar10', 'AWS::CloudFormation::Stack', 'UPDATE_IN_PROGRESS', 'User Initiated'],
    ],
  };
  await expect(rotateKey(target, 'begin', () => {})).rejects.toThrow(
    'The keys are as they were: the update failed (UPDATE_ROLLBACK_COMPLETE).\n  SecondKey (AWS::ApiGateway::ApiKey): API key limit exceeded',
  );
});
