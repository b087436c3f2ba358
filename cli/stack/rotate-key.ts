import {
  CloudFormationClient,
  DescribeStacksCommand,
  type Parameter,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { UserError } from '#errors/user-error.ts';
import { type ValidApiKeys, validApiKeys, validApiKeysParameter } from '#infra/classify/api-keys.ts';
import type { Report } from '../terminal/steps.ts';
import { stackFailures } from './stack-failures.ts';
import { untilStable } from './stack-state.ts';
import { type StackOutputs, suffixOf, type Target } from './target.ts';

/** From one valid key to two, and from two to the newer. */
const next: Readonly<Record<ValidApiKeys, ValidApiKeys>> = {
  first: 'first, second',
  'first, second': 'second',
  second: 'second, first',
  'second, first': 'first',
};

/**
 * Makes a second key, or deletes the older of two: by an update of the stack in which nothing but the keys changes, whatever
 * this clone has in place of what is deployed. It may be interrupted: CloudFormation finishes the update or takes it back.
 *
 * @param step `begin`: both keys are valid from then on; `finish`: the newer alone
 * @throws {UserError} the stack has no keys, the other step is due, or the update failed; the message says what to do
 */
export async function rotateKey(target: Target, step: 'begin' | 'finish', report: Report): Promise<StackOutputs> {
  const { stackName, clientConfig } = target;
  const waiting = (status: string) => report(`wait for CloudFormation: ${status}`);
  await untilStable(clientConfig, stackName, ({ status }) => waiting(status));
  const stack = await target.stack();
  if (stack.ApiKeyId === undefined) throw noKey(stack, target);
  const cloudFormation = new CloudFormationClient(clientConfig);
  const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: stackName }));
  const parameters = Stacks?.[0]?.Parameters ?? [];
  const valid = next[dueFor(step, validKeys(parameters, target), target)];
  report(step === 'begin' ? 'make a second key' : 'delete the older key');
  await cloudFormation.send(
    new UpdateStackCommand({
      ...{ StackName: stackName, UsePreviousTemplate: true, Capabilities: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'] },
      Parameters: parameters.map(({ ParameterKey }) =>
        ParameterKey === validApiKeysParameter
          ? { ParameterKey, ParameterValue: valid }
          : { ParameterKey, UsePreviousValue: true },
      ),
    }),
  );
  const state = await untilStable(clientConfig, stackName, ({ status }) => waiting(status));
  if (state?.status === 'UPDATE_COMPLETE') return target.stack();
  const failures = await stackFailures(target, stackName);
  throw new UserError(
    [`The keys are as they were: the update failed (${state?.status}).`, ...failures.map((each) => `  ${each}`)].join(
      '\n',
    ),
  );
}

/** Why an endpoint has no key. */
export function noKey({ Auth }: StackOutputs, target: Target): UserError {
  return new UserError(
    Auth === 'iam'
      ? `The endpoint asks for no key: it was deployed with --auth iam, and takes requests that are signed with AWS credentials. "./cifar10 policy reader${suffixOf(target)}" prints what they must be allowed.`
      : 'The endpoint asks for no key: it was deployed with --auth none.',
  );
}

function validKeys(parameters: readonly Parameter[], target: Target): ValidApiKeys {
  const value = parameters.find(({ ParameterKey }) => ParameterKey === validApiKeysParameter)?.ParameterValue;
  const valid = validApiKeys.find((each) => each === value);
  if (valid !== undefined) return valid;
  throw new UserError(
    `The stack is of an earlier release, whose key cannot be rotated. Run "./cifar10 deploy${suffixOf(target)}" first: the key stays.`,
  );
}

/** @throws {UserError} the other step is due */
function dueFor(step: 'begin' | 'finish', valid: ValidApiKeys, target: Target): ValidApiKeys {
  const isRotating = valid.includes(',');
  const command = `"./cifar10 key rotate${suffixOf(target)}`;
  if (step === 'begin' && isRotating) {
    throw new UserError(
      `A rotation is under way: two keys are valid. When all callers have the newer, finish it with ${command} --finish".`,
    );
  }
  if (step === 'finish' && !isRotating) {
    throw new UserError(`No rotation is under way: one key is valid. Begin one with ${command}".`);
  }
  return valid;
}
