import { CloudFormationClient, DescribeStackEventsCommand, type StackEvent } from '@aws-sdk/client-cloudformation';
import { stackName, type Target } from './target.ts';

/** The reasons why CloudFormation's last change of the stack failed; empty if it gives none. */
export async function stackFailures(target: Target): Promise<string[]> {
  const cloudFormation = new CloudFormationClient(target.clientConfig);
  const { StackEvents = [] } = await cloudFormation.send(new DescribeStackEventsCommand({ StackName: stackName }));
  return failuresOf(StackEvents);
}

/** @param events the latest first, as CloudFormation returns them */
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
      // A resource is cancelled because another one failed, which is the cause.
      if (/cancel+ed/i.test(ResourceStatusReason ?? '')) return false;
      // The stack itself fails because of a resource, which is listed, or for its own reason.
      return (
        ResourceType !== 'AWS::CloudFormation::Stack' || !/^$|The following resource/.test(ResourceStatusReason ?? '')
      );
    })
    .reverse() // The first to fail is the cause of the others.
    .map(({ LogicalResourceId, ResourceType, ResourceStatusReason = 'no reason given' }) => {
      return `${LogicalResourceId} (${ResourceType}): ${ResourceStatusReason}`;
    });
}
