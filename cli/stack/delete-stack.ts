import { randomUUID } from 'node:crypto';
import {
  CloudFormationClient,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  paginateListStackResources,
  paginateListStacks,
} from '@aws-sdk/client-cloudformation';
import { UserError } from '#errors/user-error.ts';
import type { Report } from '../terminal/steps.ts';
import { stackFailures } from './stack-failures.ts';
import { type StackState, untilStable } from './stack-state.ts';
import type { Target } from './target.ts';

/**
 * Deletes a stack, whatever state it is in, and waits until it is gone. An update that is under way ends first: CloudFormation
 * refuses to delete the stack before. A deletion that fails is tried once more: what a resource was needed for, such as an
 * instance that took a while to end, may be gone by then.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html
 * @throws {UserError} a resource cannot be deleted; the message says which, and what to do
 */
export async function deleteStack(target: Target, { id }: Pick<StackState, 'id'>, report: Report): Promise<void> {
  const left = (await tryToDelete(target, id, report)) && (await tryToDelete(target, id, report));
  if (left) throw await notDeleted(target, left);
}

/** @returns the stack if it is still there */
async function tryToDelete(target: Target, id: string, report: Report): Promise<StackState | undefined> {
  const client = new CloudFormationClient(target.clientConfig);
  // A request that is repeated with this token deletes nothing that was created meanwhile.
  const request = new DeleteStackCommand({ StackName: id, ClientRequestToken: randomUUID() });
  const progress = async ({ status }: StackState) => {
    report(status === 'DELETE_IN_PROGRESS' ? await lastEvent(client, id) : `wait for the end of ${status}`);
  };
  for (;;) {
    try {
      await client.send(request);
      break;
    } catch (error) {
      if (!/cannot be deleted while in status/.test((error as Error).message))
        throw /TerminationProtection/.test((error as Error).message) ? protectedStack(target, error as Error) : error;
      await untilStable(target.clientConfig, id, progress);
    }
  }
  const state = await untilStable(target.clientConfig, id, progress);
  return state?.status === 'DELETE_COMPLETE' ? undefined : state;
}

/** The newest event, as progress. */
async function lastEvent(client: CloudFormationClient, id: string): Promise<string> {
  const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName: id }));
  return `delete ${StackEvents[0]?.ResourceType ?? 'the resources'}`;
}

/** @param cause CloudFormation's refusal, if it was asked */
export function protectedStack({ name, stackName, region, clientConfig }: Target, cause?: Error): UserError {
  const endpoint = name === 'local' ? ` --endpoint-url ${clientConfig.endpoint}` : '';
  return new UserError(
    `The stack ${stackName} is protected from being deleted, and nothing was. To allow it until the next deployment:\n  aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name ${stackName} --region ${region}${endpoint}`,
    { cause },
  );
}

async function notDeleted(target: Target, { id, status }: StackState): Promise<UserError> {
  const failures = await stackFailures(target, id);
  const ids = failures.map((failure) => failure.split(' ')[0]);
  const retain = `aws cloudformation delete-stack --stack-name ${target.stackName} --retain-resources ${ids.join(' ')}`;
  const lines = [
    `The stack was not destroyed: it is in ${status}.`,
    ...failures.map((failure) => `  ${failure}`),
    'Remove what uses these resources, and run the same command again.',
    ...(ids.length > 0 && status === 'DELETE_FAILED' ? [`To delete all but them: ${retain}`] : []),
  ];
  return new UserError(lines.join('\n'));
}

/**
 * The bucket of a stack, also one whose creation failed before it had outputs, and one that was deleted in the last 90 days.
 *
 * @param id the stack's ARN
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html
 * @returns `undefined` where no bucket was created. The bucket may have been deleted since.
 */
export async function bucketOfStack(target: Target, id: string): Promise<string | undefined> {
  const client = new CloudFormationClient(target.clientConfig);
  for await (const { StackResourceSummaries = [] } of paginateListStackResources({ client }, { StackName: id })) {
    const bucket = StackResourceSummaries.find(({ ResourceType }) => ResourceType === 'AWS::S3::Bucket');
    if (bucket?.ResourceStatus === 'DELETE_COMPLETE') return undefined;
    if (bucket?.PhysicalResourceId) return bucket.PhysicalResourceId;
  }
  return undefined;
}

/**
 * The ARN of the stack that was deleted last.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html
 * @returns `undefined` where none was deleted in the last 90 days
 */
export async function lastDeletedStack(target: Target): Promise<string | undefined> {
  const client = new CloudFormationClient(target.clientConfig);
  const deleted: { id: string; at: number }[] = [];
  const filter = { StackStatusFilter: ['DELETE_COMPLETE' as const] };
  for await (const { StackSummaries = [] } of paginateListStacks({ client }, filter)) {
    for (const { StackName, StackId = '', DeletionTime } of StackSummaries) {
      if (StackName === target.stackName) deleted.push({ id: StackId, at: DeletionTime?.getTime() ?? 0 });
    }
  }
  return deleted.sort((one, other) => other.at - one.at)[0]?.id;
}
