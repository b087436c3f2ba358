/** `./cifar10 doctor --target aws`, on a server that answers as AWS does. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../program.ts';
import { LoopbackCloud, Refusal } from '../stack/loopback-cloud.fixture.ts';
import { accountChecks } from './account-checks.ts';
import { lookBeforeDeployment } from './before-deployment.ts';
import { examine, type Finding } from './finding.ts';

const images = { trainingImage: 'ghcr.io/a/b:1', cpuTrainingImage: 'ghcr.io/a/b:1' };

/** An account that lacks nothing. */
function readyCloud(): LoopbackCloud {
  const cloud = new LoopbackCloud();
  cloud.quotas = { 'L-DB2E81BA': 8, 'L-3819A6DF': 4 };
  cloud.toolkit = { statuses: ['CREATE_COMPLETE'], outputs: { BootstrapVersion: '28' } };
  cloud.stack = { statuses: ['UPDATE_COMPLETE'], outputs: { BucketName: 'models', JobDefinitionName: 'train' } };
  cloud.jobImages = { train: `${cloud.account}.dkr.ecr.eu-west-1.amazonaws.com/assets:1a2b` };
  cloud.storedImages = ['assets:1a2b'];
  cloud.buckets.set('models', []);
  return cloud;
}

async function findingsOf(cloud: LoopbackCloud): Promise<Record<string, Omit<Finding, 'check'>>> {
  const findings: Record<string, Omit<Finding, 'check'>> = {};
  for await (const { check, ...found } of examine(accountChecks(await cloud.open(), images), 'aws')) {
    findings[check] = found;
  }
  return findings;
}

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

test('finds nothing to mend in an account that lacks nothing, and changes nothing', async () => {
  await using cloud = readyCloud();
  const findings = await findingsOf(cloud);
  expect(Object.entries(findings).filter(([, { state }]) => state !== 'ok')).toEqual([]);
  expect(findings.CDK?.text).toBe('prepared, version 28');
  expect(findings['stored images']?.text).toBe('1 of 1 are in ECR');
  expect(findings['GPU quota']?.text).toBe('8 vCPUs on demand, 4 on Spot');
  expect(findings['CPU quota']?.text).toBe('32 vCPUs on demand, 32 on Spot, 2 for each job');
  expect(findings['function quota']?.text).toBe('1,000 calls of all functions at a time');
  expect(findings['instance types']?.text).toContain('g4dn.xlarge for GPUs, c7a.large without');
  for (const action of cloud.asked) expect(action).toMatch(/^(Describe|Get|GET|AssumeRole|HEAD|POST \/v1\/describe)/);
});

test('takes a new account for what it is: nothing is deployed, and GPUs must be asked for', async () => {
  await using cloud = new LoopbackCloud();
  const findings = await findingsOf(cloud);
  expect(findings.stack).toEqual({ state: 'ok', text: 'not deployed yet' });
  expect(findings.CDK?.text).toContain('the first deployment does it');
  expect(findings['GPU quota']).toMatchObject({ state: 'warning', text: expect.stringContaining('Ask AWS for 4') });
});

const denied = (action: string) => new Refusal('AccessDenied', `not authorized to perform: ${action}`, 403);

describe('says what is wrong, and what to do', () => {
  test.each<[string, (cloud: LoopbackCloud) => void, string, Omit<Finding, 'check' | 'text'>, RegExp]>([
    [
      'what CDK keeps is too old',
      (cloud) => {
        cloud.toolkit = { statuses: ['CREATE_COMPLETE'], outputs: { BootstrapVersion: '4' } };
      },
      'CDK',
      { state: 'problem' },
      /has version 4.*npx cdk bootstrap aws:/,
    ],
    [
      'the region has no GPU type',
      (cloud) => {
        cloud.offerings = [['c7a.large']];
      },
      'instance types',
      { state: 'problem' },
      /none of the GPU types.*Choose another region/,
    ],
    [
      'somebody has deleted the image of jobs',
      (cloud) => {
        cloud.storedImages = [];
      },
      'stored images',
      { state: 'warning' },
      /ECR has no 123456789012\.dkr\.ecr\S*assets:1a2b, so jobs.*"\.\/cifar10 deploy --target aws" pushes/,
    ],
    [
      'ECR may not be read',
      (cloud) => cloud.refusals.set('DescribeImages', denied('ecr:DescribeImages')),
      'stored images',
      { state: 'warning' },
      /do not allow this: .*ecr:DescribeImages/,
    ],
    [
      'the last update failed',
      (cloud) => {
        cloud.stack = { statuses: ['UPDATE_ROLLBACK_FAILED'] };
      },
      'stack',
      { state: 'warning' },
      /^UPDATE_ROLLBACK_FAILED, since .*"\.\/cifar10 deploy --target aws"/,
    ],
    [
      'the role of CDK may not be taken',
      (cloud) => cloud.refusals.set('AssumeRole', denied('sts:AssumeRole')),
      'role of CDK',
      { state: 'warning' },
      /cdk-hnb659fds-deploy-role-123456789012-eu-west-1, so CDK deploys with your own rights.*sts:AssumeRole/,
    ],
    [
      'no processor may be started',
      (cloud) => {
        cloud.quotas = { 'L-1216C47A': 1, 'L-34B43A08': 0 };
      },
      'CPU quota',
      { state: 'warning' },
      /1 vCPUs on demand, 0 on Spot.*no job of the CPU queue can start.*\/ec2\/quotas\/L-1216C47A\?region=eu-west-1$/,
    ],
    [
      'the account is new to Lambda',
      (cloud) => {
        cloud.quotas = { 'L-B99A9384': 10 };
      },
      'function quota',
      { state: 'warning' },
      /^10 calls .* answered with 429.*services\/lambda\/quotas\/L-B99A9384/,
    ],
    [
      'quotas may not be read',
      (cloud) => cloud.refusals.set('GetServiceQuota', denied('servicequotas:GetServiceQuota')),
      'CPU quota',
      { state: 'warning' },
      /could not be read, which takes the right servicequotas:GetServiceQuota\. Look there: https:/,
    ],
    [
      'logs may not be read',
      (cloud) => cloud.refusals.set('DescribeLogGroups', denied('logs:DescribeLogGroups')),
      'logs',
      { state: 'warning' },
      /do not allow this: .*logs:DescribeLogGroups\. Ask the administrator/,
    ],
  ])('%s', async (_, change, check, state, text) => {
    await using cloud = readyCloud();
    change(cloud);
    const findings = await findingsOf(cloud);
    expect(findings[check]).toMatchObject({ ...state, text: expect.stringMatching(text) });
  });
});

test('a deployment passes on warnings, and stops at a problem before it changes anything', async () => {
  await using cloud = readyCloud();
  cloud.quotas = {};
  const target = await cloud.open();
  const notes: string[] = [];
  await lookBeforeDeployment(target, images, (text) => notes.push(text));
  expect(notes).toEqual([expect.stringContaining('may start no GPU instance')]);

  const without = { ...target, environment: { ...target.environment, CDK_DOCKER: '/no/such/docker' } };
  await expect(lookBeforeDeployment(without, {}, () => {})).rejects.toThrow('"/no/such/docker version" fails');
});

test('the command prints a line for each check, the machine first, and exits with 1 where something must be mended', async () => {
  await using cloud = readyCloud();
  await cloud.open();
  cloud.toolkit = { statuses: ['CREATE_COMPLETE'], outputs: { BootstrapVersion: '4' } };
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await runProgram(['doctor', '--target', 'aws']);
  const lines = written.mock.calls.map(([line]) => String(line));
  expect(lines[0]).toBe(`✓ Node            ${process.versions.node}\n`);
  expect(lines).toContain('✓ credentials     account 123456789012, region eu-west-1\n');
  expect(lines.find((line) => line.startsWith('✗ CDK'))).toContain('npx cdk bootstrap');
  expect(process.exitCode).toBe(1);

  written.mockClear();
  await runProgram(['doctor', '--target', 'aws', '--json']);
  const findings: Finding[] = JSON.parse(written.mock.calls.join(''));
  expect(findings).toContainEqual({ check: 'CDK', state: 'problem', text: expect.stringContaining('version 4') });
});

test('without credentials it says so, and looks at nothing else of the account', async () => {
  await using cloud = readyCloud();
  await cloud.open();
  cloud.refusals.set('GetCallerIdentity', new Refusal('InvalidClientTokenId', 'The security token is invalid', 403));
  cloud.asked.length = 0;
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await runProgram(['doctor', '--target', 'aws', '--json']);
  const findings: Finding[] = JSON.parse(written.mock.calls.join(''));
  expect(findings.at(-1)).toMatchObject({ check: 'credentials', state: 'problem' });
  expect(findings.at(-1)?.text).toContain('AWS does not accept your credentials');
  expect(cloud.asked).toEqual(['GetCallerIdentity']);
});
