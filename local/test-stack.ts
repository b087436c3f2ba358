import { randomUUID } from 'node:crypto';
import {
  CloudFormationClient,
  type CloudFormationClientConfig,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';

/** A stack that a test has deployed. */
export interface TestStack {
  outputs: Readonly<Record<string, string | undefined>>;
  /** Updates the stack and `outputs`. */
  update(template: object): Promise<void>;
  delete(): Promise<void>;
}

/**
 * Deploys a template, for tests.
 *
 * @param name of the stack @default a unique name
 * @param config of the client @default the cloud that the environment variables name
 * @throws {Error} with the resources that failed, and why
 */
export async function deployStack(
  template: object,
  name = `test-${randomUUID()}`,
  config: CloudFormationClientConfig = {},
): Promise<TestStack> {
  const client = new CloudFormationClient(config);
  const StackName = name;
  const waiter = { client, maxWaitTime: 120, minDelay: 1, maxDelay: 1 };
  const readOutputs = async () => {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName }));
    return Object.fromEntries((Stacks?.[0]?.Outputs ?? []).map((o) => [o.OutputKey ?? '', o.OutputValue]));
  };
  const explain = async (error: unknown) => {
    const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName }));
    const failed = StackEvents.filter(({ ResourceStatus }) => ResourceStatus?.endsWith('_FAILED'));
    const reasons = failed.map((event) => `${event.LogicalResourceId}: ${event.ResourceStatusReason}`);
    throw new Error(`The stack could not be deployed.\n${reasons.join('\n')}`, { cause: error });
  };
  const input = (body: object) => ({
    StackName,
    TemplateBody: JSON.stringify(body),
    Capabilities: ['CAPABILITY_IAM' as const],
  });
  await client.send(new CreateStackCommand(input(template)));
  await waitUntilStackCreateComplete(waiter, { StackName }).catch(explain);
  const stack = {
    outputs: await readOutputs(),
    async update(changed: object) {
      await client.send(new UpdateStackCommand(input(changed)));
      await waitUntilStackUpdateComplete(waiter, { StackName }).catch(explain);
      stack.outputs = await readOutputs();
    },
    async delete() {
      await client.send(new DeleteStackCommand({ StackName }));
      await waitUntilStackDeleteComplete(waiter, { StackName });
    },
  };
  return stack;
}
