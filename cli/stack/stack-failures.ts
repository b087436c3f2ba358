import { CloudFormationClient, paginateDescribeStackEvents, type StackEvent } from '@aws-sdk/client-cloudformation';
import { suffixOf, type Target } from './target.ts';

/**
 * The reasons why CloudFormation's last change of the stack failed, the first to fail first; empty if it gives none.
 *
 * The failed creation of a stack like ours leaves about 285 events, the newest 100 of which are about what was deleted for it:
 * all pages of the operation are read.
 *
 * @param stack its name, or its ARN, by which a deleted one is found too
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html
 */
export async function stackFailures(target: Target, stack: string): Promise<string[]> {
  const client = new CloudFormationClient(target.clientConfig);
  const events: StackEvent[] = [];
  for await (const page of paginateDescribeStackEvents({ client }, { StackName: stack })) {
    events.push(...(page.StackEvents ?? []));
    if (events.some(isBeginning)) break;
  }
  return failuresOf(events);
}

/** @param events the latest first, as CloudFormation returns them */
export function failuresOf(events: readonly StackEvent[]): string[] {
  const begun = events.findIndex(isBeginning);
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

/** Whether an operation on the stack begins with this event. */
function isBeginning({ ResourceType, ResourceStatus }: StackEvent): boolean {
  return (
    ResourceType === 'AWS::CloudFormation::Stack' && /^(CREATE|UPDATE|DELETE)_IN_PROGRESS$/.test(ResourceStatus ?? '')
  );
}

/** Whether CodeDeploy has moved requests back to the code before, or has not begun, since an alarm rings. */
export function isAlarm(failure: string): boolean {
  return /alarms? (has|have) been activated/.test(failure);
}

/** CodeDeploy looks at alarms, not at what makes them ring: it refuses the code that would end one as well. */
export function adviceOnAlarm(target: Target): string {
  return `All requests go to the code before. An alarm that rang before this deployment stops the next one too: docs/runbooks.md says how to end it. If this code is what ends it, "./cifar10 deploy --shift all-at-once${suffixOf(target)}" makes it live without CodeDeploy, and tests it; --shift canary brings CodeDeploy back.`;
}
