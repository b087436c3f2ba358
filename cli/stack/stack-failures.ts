import { CloudFormationClient, DescribeStackEventsCommand, type StackEvent } from '@aws-sdk/client-cloudformation';
import { stackName, type Target } from './target.ts';

/** Why CloudFormation gave up the last time that it was asked to change the stack; empty if it says nothing. */
export async function stackFailures(target: Target): Promise<string[]> {
  const cloudFormation = new CloudFormationClient(target.clientConfig);
  const { StackEvents = [] } = await cloudFormation.send(new DescribeStackEventsCommand({ StackName: stackName }));
  return failuresOf(StackEvents);
}

/** @param events the latest first, as CloudFormation tells them */
export function failuresOf(events: readonly StackEvent[]): string[] {
  const begun = events.findIndex(
    ({ ResourceType, ResourceStatus }) =>
      ResourceType === 'AWS::CloudFormation::Stack' &&
      /^(CREATE|UPDATE|DELETE)_IN_PROGRESS$/.test(ResourceStatus ?? ''),
  );
  return events
    .slice(0, begun === -1 ? events.length : begun)
    .filter(({ ResourceStatus, ResourceStatusReason, ResourceType }) => {
      if (!ResourceStatus?.endsWith('_FAILED')) return false;
      // What was still being made when something else failed is cancelled, which is no cause.
      if (/cancel+ed/i.test(ResourceStatusReason ?? '')) return false;
      // The stack as a whole fails for what is in it, which has been told, or for a reason of its own.
      return (
        ResourceType !== 'AWS::CloudFormation::Stack' || !/^$|The following resource/.test(ResourceStatusReason ?? '')
      );
    })
    .reverse() // the first to fail is the cause of the others
    .map(({ LogicalResourceId, ResourceType, ResourceStatusReason = 'no reason is given' }) => {
      return `${LogicalResourceId} (${ResourceType}): ${ResourceStatusReason}`;
    });
}
