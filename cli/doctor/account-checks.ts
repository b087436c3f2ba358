import { APIGatewayClient, GetApiKeysCommand } from '@aws-sdk/client-api-gateway';
import { BatchClient, DescribeJobQueuesCommand } from '@aws-sdk/client-batch';
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { readBootstrapVersion } from '../stack/bootstrap.ts';
import { type DeployOptions, settleOptions } from '../stack/deploy-options.ts';
import { checkDocker } from '../stack/docker.ts';
import { explainError } from '../stack/explain-error.ts';
import { regionTypes } from '../stack/region-types.ts';
import { readStackState } from '../stack/stack-state.ts';
import { suffixOf, type Target } from '../stack/target.ts';
import type { Check } from './finding.ts';
import { gpuAdvice } from './gpu-advice.ts';
import { quotaChecks } from './quota-checks.ts';
import { lookAtStoredImages } from './stored-images.ts';

/**
 * What an AWS account needs for the stack and its jobs. The user is signed in to it.
 *
 * @param options of the deployment that is to follow. @default those of the last one
 */
export function accountChecks(target: Target, options: DeployOptions = {}): Check[] {
  const stack = readStackState(target.clientConfig, target.stackName);
  stack.catch(() => {}); // Each check that needs it says so.
  return [
    {
      name: 'stack',
      look: async () => {
        const state = await stack;
        if (state === undefined) return 'not deployed yet';
        const text = `${state.status}, since ${state.since.toISOString()}`;
        return /^(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE$/.test(state.status)
          ? text
          : { warning: `${text}. "./cifar10 deploy${suffixOf(target)}" mends it, or says what to do.` };
      },
    },
    {
      name: 'CDK',
      look: async () => {
        const version = await readBootstrapVersion(target);
        return version === undefined
          ? 'the account is not prepared; the first deployment does it'
          : `prepared, version ${version}`;
      },
    },
    { name: 'role of CDK', look: () => lookAtRole(target) },
    { name: 'images', look: async () => checkDocker(target, settleOptions(target, options, (await stack)?.outputs)) },
    {
      name: 'stored images',
      look: async () => {
        let found: Awaited<ReturnType<typeof lookAtStoredImages>> = '';
        const look = async () => {
          found = await lookAtStoredImages(target, (await stack)?.outputs);
        };
        return (await refusalOf(target, look)) ?? found;
      },
    },
    {
      name: 'instance types',
      look: async () => {
        const notes: string[] = [];
        await regionTypes(target, (note) => notes.push(note));
        return notes.join(' ');
      },
    },
    { name: 'GPU quota', look: () => gpuAdvice(target) },
    ...quotaChecks(target),
    ...readers(target, stack).map(({ name, read }) => ({
      name,
      look: async () => (await refusalOf(target, read)) ?? 'you may read it',
    })),
  ];
}

/**
 * CDK deploys as a role of its own, which it made when the account was prepared; where the user may not take it, CDK continues
 * with the user's own rights.
 *
 * @see https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html for the roles and their names
 */
async function lookAtRole(target: Target): Promise<string | { readonly warning: string }> {
  if ((await readBootstrapVersion(target)) === undefined) return 'it comes with the first deployment';
  const name = `cdk-hnb659fds-deploy-role-${target.account}-${target.region}`;
  const role = `arn:${partitionOf(target.region)}:iam::${target.account}:role/${name}`;
  const asked = { RoleArn: role, RoleSessionName: 'cifar10-doctor', DurationSeconds: 900 };
  const refusal = await refusalOf(target, () => new STSClient(target.clientConfig).send(new AssumeRoleCommand(asked)));
  if (refusal === undefined) return `you may take ${name}`;
  return {
    warning: `You may not deploy as ${role}, so CDK deploys with your own rights, which may not suffice. ${refusal.warning}`,
  };
}

/** What AWS says to a question whose answer does not matter; nothing that is in the way of a deployment. */
async function refusalOf(
  target: Target,
  ask: () => Promise<unknown>,
): Promise<{ readonly warning: string } | undefined> {
  try {
    await ask();
    return undefined;
  } catch (error) {
    const explained = await explainError(error, target.name);
    if (explained === undefined) throw error;
    return { warning: explained.message };
  }
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/** The services that commands ask, each by the cheapest question. */
function readers({ clientConfig }: Target, stack: ReturnType<typeof readStackState>) {
  return [
    { name: 'Batch', read: () => new BatchClient(clientConfig).send(new DescribeJobQueuesCommand({ maxResults: 1 })) },
    {
      name: 'logs',
      read: () => new CloudWatchLogsClient(clientConfig).send(new DescribeLogGroupsCommand({ limit: 1 })),
    },
    { name: 'API Gateway', read: () => new APIGatewayClient(clientConfig).send(new GetApiKeysCommand({ limit: 1 })) },
    {
      name: 'bucket',
      read: async () => {
        const bucket = (await stack)?.outputs.BucketName;
        if (bucket !== undefined) await new S3Client(clientConfig).send(new HeadBucketCommand({ Bucket: bucket }));
      },
    },
  ];
}
