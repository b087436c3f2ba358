import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { localstackPython } from '#setup/localstack.mjs';
import { LoopbackCloud } from '../stack/loopback-cloud.fixture.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import { type PersonRole, permissionsOf, personRoles, policyDocument } from './role-policy.ts';

const place = 'eu-west-1:123456789012';
const target = {
  ...{ name: 'aws', account: '123456789012', region: 'eu-west-1', stackName: 'Cifar10-dev', stage: 'dev' },
} as Target;
const stack: StackOutputs = {
  ...{ BucketName: 'models-1a2b', RestApiId: 'abc', StageName: 'prod', ApiKeyId: 'k1' },
  ...{ JobQueueArn: `arn:aws:batch:${place}:job-queue/gpu`, JobDefinitionName: 'train' },
  ...{ CpuJobQueueArn: `arn:aws:batch:${place}:job-queue/cpu`, CpuJobDefinitionName: 'train-cpu' },
  ...{ TrainingLogGroupName: 'training', ClassifierLogGroupName: 'classifier' },
};

function statementsOf(
  role: PersonRole,
  outputs: StackOutputs | undefined,
  of = target,
): Map<string, readonly string[]> {
  return new Map(
    permissionsOf(role, of, { stack: outputs }).flatMap(({ actions, resources }) =>
      actions.map((action) => [action, resources] as const),
    ),
  );
}

describe.each(personRoles)('the policy of a %s', (role) => {
  it('is short enough for a user, and allows no action on everything but those that know no resource', () => {
    const permissions = permissionsOf(role, target, { stack });
    // The limit of all inline policies of a user together.
    expect(JSON.stringify(policyDocument(permissions)).length).toBeLessThan(2048 * 2);
    expect(new Set(permissions.map(({ id }) => id)).size).toBe(permissions.length);
    const wide = permissions.filter(({ resources }) => resources.includes('*')).flatMap(({ actions }) => actions);
    for (const action of wide) {
      expect(action).toMatch(
        /^(batch:(List|Describe)|ec2:Describe|logs:DescribeLogGroups|codedeploy:StopDeployment|servicequotas:GetAWSDefault)/,
      );
    }
    expect(permissions.flatMap(({ actions }) => actions).filter((action) => action.includes('*'))).toEqual([]);
    for (const { why } of permissions) expect(why).toMatch(/\S+ \S+/);
  });

  it('is about patterns where there is no stack', () => {
    const resources = [...statementsOf(role, undefined).values()].flat();
    expect(resources.filter((resource) => /undefined/.test(resource))).toEqual([]);
    expect(resources.some((resource) => resource.startsWith('arn:aws:s3:::cifar10-dev-modelsbucket*'))).toBe(true);
  });
});

test('a reader reads what the stack has, and writes nothing', () => {
  const allowed = statementsOf('reader', stack);
  expect([...allowed.keys()].filter((action) => !/:(Get|List|Describe|Filter)|^apigateway:GET$/.test(action))).toEqual(
    [],
  );
  expect(allowed.get('apigateway:GET')).toEqual(['arn:aws:apigateway:eu-west-1::/apikeys/k1']);
  expect(allowed.get('logs:GetLogEvents')).toEqual(
    ['training', 'classifier'].map((group) => `arn:aws:logs:${place}:log-group:${group}:*`),
  );
  expect(allowed.has('execute-api:Invoke')).toBe(false);
});

test('who classifies gets what the endpoint asks for: keys, both during a rotation, or the right to sign', () => {
  const rotating = statementsOf('reader', { ...stack, PreviousApiKeyId: 'k0' }).get('apigateway:GET');
  expect(rotating).toEqual(['k1', 'k0'].map((id) => `arn:aws:apigateway:eu-west-1::/apikeys/${id}`));
  const { ApiKeyId: _, ...keyless } = stack;
  const signing = statementsOf('reader', { ...keyless, Auth: 'iam' });
  expect(signing.get('execute-api:Invoke')).toEqual([`arn:aws:execute-api:${place}:abc/prod/POST/*`]);
  expect(signing.has('apigateway:GET')).toBe(false);
  const open = statementsOf('reader', { ...keyless, Auth: 'none' });
  expect(open.has('apigateway:GET') || open.has('execute-api:Invoke')).toBe(false);
});

test('a submitter submits to the queues of the stack, and writes what is submitted', () => {
  const allowed = statementsOf('submitter', stack);
  expect(allowed.get('batch:SubmitJob')).toEqual([
    ...['gpu', 'cpu'].map((name) => `arn:aws:batch:${place}:job-queue/${name}`),
    ...['train', 'train:*', 'train-cpu', 'train-cpu:*'].map((name) => `arn:aws:batch:${place}:job-definition/${name}`),
  ]);
  expect(allowed.get('s3:PutObject')).toEqual(
    ['runs/*/submission.json', 'models/uses/*', 'plans/*', 'batches/*', 'data/*'].map(
      (keys) => `arn:aws:s3:::models-1a2b/${keys}`,
    ),
  );
  expect(allowed.has('s3:DeleteObject') || allowed.has('sts:AssumeRole')).toBe(false);
});

test('a deployer deploys as the roles of CDK, in the partition of the region', () => {
  const china = { ...target, region: 'cn-north-1' } as Target;
  expect(statementsOf('deployer', undefined, china).get('sts:AssumeRole')).toEqual(
    ['deploy', 'file-publishing', 'image-publishing', 'lookup'].map(
      (role) => `arn:aws-cn:iam::123456789012:role/cdk-hnb659fds-${role}-role-123456789012-cn-north-1`,
    ),
  );
  const allowed = statementsOf('deployer', stack);
  expect(allowed.get('cloudformation:UpdateStack')).toEqual([`arn:aws:cloudformation:${place}:stack/Cifar10-dev/*`]);
  expect(allowed.has('s3:PutObject') || allowed.has('batch:SubmitJob')).toBe(false);
});

/** AWS's list of all actions, by service, with the types of resources of each, as cfn-lint has it. */
interface Service {
  readonly Actions: Readonly<Record<string, { readonly Resources?: readonly string[] }>>;
  readonly Resources: Readonly<Record<string, { readonly ARNFormats: readonly string[] }>>;
}

test('AWS knows every action, and each that knows resources is limited to some of its types', () => {
  const lib = path.resolve(localstackPython()!, '../../lib');
  const [python = ''] = readdirSync(lib).filter((name) => name.startsWith('python'));
  const file = path.join(lib, python, 'site-packages/cfnlint/data/AdditionalSpecs/Policies.json');
  const services: Readonly<Record<string, Service>> = JSON.parse(readFileSync(file, 'utf8'));
  for (const role of personRoles) {
    for (const { actions, resources } of [stack, undefined].flatMap((each) =>
      permissionsOf(role, target, { stack: each }),
    )) {
      for (const action of actions) {
        const [service = '', name = ''] = action.split(':');
        const known = services[service]?.Actions[name.toLowerCase()];
        expect(known, action).toBeDefined();
        const types = known?.Resources ?? [];
        if (types.length === 0) {
          expect(resources, action).toEqual(['*']);
          continue;
        }
        const formats = types.flatMap((type) => services[service]!.Resources[type]?.ARNFormats ?? []);
        for (const resource of resources) {
          const isOfType = formats.some((format) => {
            const pattern = format.replace(/\$\{Partition\}/g, 'aws').replace(/\$\{\w+\}/g, '[^:/]*');
            return new RegExp(`^${pattern}$`).test(resource);
          });
          expect(isOfType || formats.length === 0, `${action} on ${resource}: ${formats}`).toBe(true);
        }
      }
    }
  }
});

test('another bucket takes the place of the stack’s', async () => {
  await using cloud = new LoopbackCloud();
  const opened = await cloud.open();
  cloud.stack = { statuses: ['CREATE_COMPLETE'], outputs: { ...stack } as unknown as Record<string, string> };
  const permissions = permissionsOf('reader', opened, { stack: await opened.stack(), bucket: 'elsewhere' });
  expect(JSON.stringify(policyDocument(permissions))).toContain('arn:aws:s3:::elsewhere/models/*');
  expect(JSON.stringify(policyDocument(permissions))).not.toContain('models-1a2b');
});
