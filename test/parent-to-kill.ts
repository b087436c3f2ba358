/**
 * `local/localstack.localstack.test.ts` starts and kills this program. It starts LocalStack with the options in its
 * argument, and in it a job and optionally a function that do not end; prints their process ids as JSON; and waits.
 */
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchClient,
  CreateComputeEnvironmentCommand,
  CreateJobQueueCommand,
  DescribeJobsCommand,
  RegisterJobDefinitionCommand,
  SubmitJobCommand,
} from '@aws-sdk/client-batch';
import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { localEnvironment, startLocalStack } from '#local/localstack.ts';
import { deployStack } from '#local/test-stack.ts';

const { withFunction = false, ...options } = JSON.parse(process.argv[2] ?? '{}');
const images = { 'node:*': { folder: tmpdir(), entrypoint: [process.execPath] } };
const localStack = await startLocalStack({ ...options, port: 'any', images });
Object.assign(process.env, localEnvironment(localStack.endpoint));
const pids = [localStack.pid, await startJob()];
if (withFunction) pids.push(await startFunction());
console.log(JSON.stringify(pids));
setInterval(() => undefined, 1000);

async function startJob(): Promise<number> {
  const batch = new BatchClient();
  const computeEnvironment = 'any';
  await batch.send(
    new CreateComputeEnvironmentCommand({ computeEnvironmentName: computeEnvironment, type: 'UNMANAGED' }),
  );
  const computeEnvironmentOrder = [{ order: 1, computeEnvironment }];
  await batch.send(new CreateJobQueueCommand({ jobQueueName: 'any', priority: 1, computeEnvironmentOrder }));
  const command = ['-e', 'console.log(process.pid); process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'];
  const containerProperties = { image: 'node:22', command, vcpus: 1, memory: 256 };
  await batch.send(
    new RegisterJobDefinitionCommand({ jobDefinitionName: 'any', type: 'container', containerProperties }),
  );
  const { jobId = '' } = await batch.send(
    new SubmitJobCommand({ jobName: 'any', jobQueue: 'any', jobDefinition: 'any' }),
  );
  const logs = new CloudWatchLogsClient();
  for (;;) {
    await sleep(100);
    const { jobs } = await batch.send(new DescribeJobsCommand({ jobs: [jobId] }));
    const logStreamName = jobs?.[0]?.container?.logStreamName;
    const read = new GetLogEventsCommand({ logGroupName: '/aws/batch/job', logStreamName });
    const { events = [] } = logStreamName ? await logs.send(read).catch(() => ({ events: [] })) : {};
    if (events[0]?.message) return Number(events[0].message);
  }
}

async function startFunction(): Promise<number> {
  const { outputs } = await deployStack({
    Resources: {
      Role: {
        Type: 'AWS::IAM::Role',
        Properties: { AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [] } },
      },
      Function: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          Handler: 'index.handler',
          Runtime: 'nodejs22.x',
          Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
          Code: { ZipFile: 'exports.handler = async () => process.pid' },
        },
      },
    },
    Outputs: { Function: { Value: { Ref: 'Function' } } },
  });
  const headers = { Authorization: 'AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/lambda/aws4_request' };
  const url = `${localStack.endpoint}/2015-03-31/functions/${outputs.Function}/invocations`;
  return Number(await (await fetch(url, { method: 'POST', headers, body: '{}' })).text());
}
