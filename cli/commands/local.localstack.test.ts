import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stopLocalStack } from '#local/localstack.ts';
import { deployStack } from '#local/test-stack.ts';
import { exampleVersion } from '#models/example-version.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { listVersions, publishVersion, readVersion } from '#models/versions.ts';
import { localTarget } from '../stack/target.ts';

const project = path.resolve(import.meta.dirname, '../..');

/** Where this installation keeps what it makes: no other test's, and not the clone's own. */
let home: string;
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'cifar10-home-'));
  theirs.AWS_CONFIG_FILE = path.join(home, 'aws-config');
  await writeFile(
    theirs.AWS_CONFIG_FILE,
    '[profile work]\nuse_fips_endpoint = true\nendpoint_url = http://127.0.0.1:1\n',
  );
});
afterAll(async () => {
  await stopLocalStack(path.join(home, 'local'));
  await rm(home, { recursive: true, force: true });
});

/** Settings of a user's for AWS and for the network, each of which would reach another endpoint, or none. */
const theirs = {
  AWS_PROFILE: 'work',
  AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
  AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://127.0.0.1:1',
  AWS_USE_FIPS_ENDPOINT: 'true',
  AWS_USE_DUALSTACK_ENDPOINT: 'true',
  AWS_RETRY_MODE: 'often',
  AWS_MAX_ATTEMPTS: 'many',
  AWS_REQUEST_CHECKSUM_CALCULATION: 'never',
  AWS_CA_BUNDLE: '/no/such/file',
  AWS_CONFIG_FILE: '',
  NODE_USE_ENV_PROXY: '1',
  HTTP_PROXY: 'http://127.0.0.1:1',
  HTTPS_PROXY: 'http://127.0.0.1:1',
};

function local(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const args = ['--import', './setup/typescript.mjs', 'cli/cifar10.ts', 'local', ...words];
  const env = { ...process.env, CIFAR10_HOME: home, ...theirs };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: project, env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

const parsed = async (...words: string[]) => JSON.parse((await local(...words, '--json')).stdout);

test('what is not up is reported with what to do', async () => {
  const status = await local('status');
  expect(status).toMatchObject({ code: 1, stdout: expect.stringContaining('./cifar10 local up') });
  expect(await parsed('status')).toEqual({ isUp: false });
  expect(await local('env')).toMatchObject({ code: 1, stderr: expect.stringContaining('./cifar10 local up') });
  expect(await local('logs')).toMatchObject({ code: 1, stderr: expect.stringContaining('./cifar10 local up') });
  expect(await local('down')).toMatchObject({ code: 0, stdout: expect.stringContaining('was not running') });
  expect(await local('up', '--port', '70000')).toMatchObject({ code: 2, stderr: expect.stringContaining('65535') });
});

test('up starts it once, status finds it, env points a shell to it, down keeps the models and ends it', async () => {
  const first = await parsed('up');
  expect(first).toMatchObject({ wasRunning: false, version: '4.14.0', folder: path.join(home, 'local') });
  expect(await parsed('up')).toEqual({ ...first, wasRunning: true });
  const elsewhere = await local('up', '--port', String(first.port + 1));
  expect(elsewhere).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`already running on port ${first.port}`),
  });

  const shell = (await local('env')).stdout.split('\n');
  expect(shell).toContain('unset AWS_PROFILE');
  expect(shell).toContain(`export AWS_ENDPOINT_URL='${first.endpoint}'`);
  expect((await local('logs', '-n', '5')).stdout).toContain('GET /_cifar10/instance');

  // The stack as far as these commands look at it: a bucket with a model, a queue, and an API with a key.
  expect(await parsed('env')).not.toHaveProperty('URL');
  const target = localTarget(first.endpoint);
  await deployStack(template, target.stackName, target.clientConfig);
  const apiKey = await target.apiKey(await target.stack());
  expect(apiKey).toMatch(/^\w{20,}$/);
  const url = target.apiUrl(await target.stack());
  expect(await parsed('status')).toMatchObject({ isUp: true, pid: first.pid, url, apiKey, jobs: [] });
  expect((await local('status')).stdout).toMatch(new RegExp(`^key +${apiKey}$`, 'm'));
  const printed = await promisify(execFile)('sh', ['-c', 'eval "$SCRIPT" && echo "$KEY $URL $AWS_ENDPOINT_URL"'], {
    env: { PATH: process.env.PATH, SCRIPT: (await local('env')).stdout },
  });
  expect(printed.stdout).toBe(`${apiKey} ${url} ${first.endpoint}\n`);
  const version = await publishVersion(await target.store(), exampleVersion());

  expect(await parsed('down')).toMatchObject({ wasRunning: true, ended: [] });
  expect(await parsed('status')).toEqual({ isUp: false });
  const kept = folderStore(path.join(home, 'store'));
  expect(await listVersions(kept)).toEqual([version]);
  await readVersion(kept, version);
});

const template = {
  Resources: {
    Bucket: { Type: 'AWS::S3::Bucket', Properties: {} },
    Api: { Type: 'AWS::ApiGateway::RestApi', Properties: { Name: 'classify' } },
    Key: { Type: 'AWS::ApiGateway::ApiKey', Properties: { Enabled: true } },
    Role: {
      Type: 'AWS::IAM::Role',
      Properties: { AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [] } },
    },
    Environment: {
      Type: 'AWS::Batch::ComputeEnvironment',
      Properties: { Type: 'UNMANAGED', ServiceRole: { 'Fn::GetAtt': ['Role', 'Arn'] } },
    },
    Queue: {
      Type: 'AWS::Batch::JobQueue',
      Properties: {
        Priority: 1,
        ComputeEnvironmentOrder: [{ Order: 1, ComputeEnvironment: { Ref: 'Environment' } }],
      },
    },
  },
  Outputs: {
    BucketName: { Value: { Ref: 'Bucket' } },
    JobQueueArn: { Value: { Ref: 'Queue' } },
    RestApiId: { Value: { Ref: 'Api' } },
    StageName: { Value: 'prod' },
    ApiKeyId: { Value: { Ref: 'Key' } },
  },
};
