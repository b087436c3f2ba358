import { UserError } from '#errors/user-error.ts';
import type { Report } from '../terminal/steps.ts';
import { deleteStack } from './delete-stack.ts';
import { stackFailures } from './stack-failures.ts';
import { type StackState, untilStable } from './stack-state.ts';
import type { Target } from './target.ts';

/** A stack that never was whole, or is so no longer: CloudFormation can only delete it. */
const REMAINS = /^(REVIEW_IN_PROGRESS|CREATE_FAILED|ROLLBACK_COMPLETE|ROLLBACK_FAILED|DELETE_FAILED)$/;

/**
 * Brings the stack into a state in which it can be created or updated. Waits for an operation that another deployment, perhaps
 * an interrupted one, has begun, and deletes what a creation or deletion that failed has left.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html for the states
 * @returns `undefined` where the stack is to be created
 * @throws {UserError} its last update could not be rolled back, or what is left cannot be deleted; the message says what to do
 */
export async function readyStack(target: Target, report: Report): Promise<StackState | undefined> {
  const state = await untilStable(target.clientConfig, target.stackName, ({ status, since }) =>
    report(`wait for another deployment: ${status} since ${since.toLocaleTimeString()}`),
  );
  if (!state || state.status === 'DELETE_COMPLETE') return undefined;
  if (REMAINS.test(state.status)) {
    report(`delete what is left of the stack: ${state.status}`);
    await deleteStack(target, state, report);
    return undefined;
  }
  if (state.status === 'UPDATE_ROLLBACK_FAILED') throw await notRolledBack(target, state);
  return state;
}

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html */
async function notRolledBack(target: Target, { id }: StackState): Promise<UserError> {
  const failures = await stackFailures(target, id);
  const command = `aws cloudformation continue-update-rollback --stack-name ${target.stackName} --region ${target.region}`;
  const lines = [
    'The stack cannot be updated: its last update failed, and so did the way back (UPDATE_ROLLBACK_FAILED).',
    ...failures.map((failure) => `  ${failure}`),
    `Remove the cause, and continue the way back: ${command}`,
    'If a resource cannot be brought back, add --resources-to-skip with its name. Then deploy again.',
  ];
  return new UserError(lines.join('\n'));
}
