import { setTimeout as sleep } from 'node:timers/promises';
import {
  CloudFormationClient,
  type CloudFormationClientConfig,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';

/** What CloudFormation says of a stack. */
export interface StackState {
  /** The ARN, which names this stack even after another one has taken its name. */
  readonly id: string;
  /** Such as `CREATE_COMPLETE`. @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html */
  readonly status: string;
  /** When the last operation on it began. */
  readonly since: Date;
  readonly outputs: Readonly<Record<string, string | undefined>>;
  /** CloudFormation refuses to delete it. */
  readonly isProtected: boolean;
}

/**
 * @param stack its name, or its ARN, by which a deleted one is found too
 * @returns `undefined` where there is none
 */
export async function readStackState(
  config: CloudFormationClientConfig,
  stack: string,
): Promise<StackState | undefined> {
  const client = new CloudFormationClient(config);
  const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stack })).catch((error: Error) => {
    if (isNoStack(error)) return { Stacks: [] };
    throw error;
  });
  const [found] = Stacks ?? [];
  if (!found?.StackId || !found.StackStatus) return undefined;
  return {
    id: found.StackId,
    status: found.StackStatus,
    since: found.DeletionTime ?? found.LastUpdatedTime ?? found.CreationTime ?? new Date(),
    isProtected: found.EnableTerminationProtection ?? false,
    outputs: Object.fromEntries((found.Outputs ?? []).map((output) => [output.OutputKey, output.OutputValue])),
  };
}

/** Whether CloudFormation works on the stack. A stack in `REVIEW_IN_PROGRESS` waits for somebody to execute a change set. */
export function isInProgress({ status }: StackState): boolean {
  return status.endsWith('_IN_PROGRESS') && status !== 'REVIEW_IN_PROGRESS';
}

/**
 * Waits until CloudFormation works on the stack no more.
 *
 * @param stack its name, or its ARN
 * @param onWait is called with the state before each pause
 * @returns `undefined` where there is none, or none any more
 */
export async function untilStable(
  config: CloudFormationClientConfig,
  stack: string,
  onWait: (state: StackState) => void | Promise<void> = () => {},
): Promise<StackState | undefined> {
  // Seldom enough for AWS's limits, and soon enough for LocalStack, which takes seconds.
  for (let pause = 250; ; pause = Math.min(5000, pause * 1.5)) {
    const state = await readStackState(config, stack);
    if (!state || !isInProgress(state)) return state;
    await onWait(state);
    await sleep(pause);
  }
}

function isNoStack(error: Error): boolean {
  return error.name === 'ValidationError' && error.message.includes('does not exist');
}
