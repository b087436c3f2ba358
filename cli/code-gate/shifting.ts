import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readLiveCode } from '../stack/live-code.ts';
import type { StackOutputs, Target } from '../stack/target.ts';
import { codeEndpoint } from './code-endpoint.ts';
import { SmokeTestFailed, smokeTest } from './smoke-test.ts';

/** Milliseconds between two looks at the alias. */
const PAUSE = 1000;

/** What CodeDeploy moves: outputs of the stack. */
type Shifted = Pick<StackOutputs, 'ClassifierFunctionName' | 'DeploymentApplicationName' | 'DeploymentGroupName'>;

/**
 * Tests new code as soon as it has a part of the requests, and stops the deployment if it fails: CodeDeploy moves all requests
 * back, and CloudFormation rolls the stack back. One of ten requests would reach the code through the gateway, so it is called
 * without.
 *
 * @param signal ends the wait for code that has a part of the requests
 * @returns why it failed; `undefined` where it passed, or no requests went over
 */
export async function testWhileShifting(
  target: Target,
  stack: Shifted,
  { store, signal }: { readonly store: ObjectStore; readonly signal: AbortSignal },
): Promise<SmokeTestFailed | undefined> {
  const next = await nextVersion(target, stack, signal);
  if (next === undefined) return undefined;
  try {
    await smokeTest(codeEndpoint(target, next.function, next.version), { store });
    return undefined;
  } catch (error) {
    if (!(error instanceof SmokeTestFailed)) throw error;
    await stopShifting(target, stack);
    return error;
  }
}

async function nextVersion(target: Target, { ClassifierFunctionName: name }: Shifted, signal: AbortSignal) {
  while (!signal.aborted) {
    const live = await readLiveCode(target, name);
    if (live?.next !== undefined) return { function: live.function, version: live.next };
    await sleep(PAUSE, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

/** @see https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html */
async function stopShifting(target: Target, stack: Shifted): Promise<void> {
  const { CodeDeployClient, ListDeploymentsCommand, StopDeploymentCommand } = await import(
    '@aws-sdk/client-codedeploy'
  );
  const client = new CodeDeployClient(target.clientConfig);
  const { deployments = [] } = await client.send(
    new ListDeploymentsCommand({
      ...{ applicationName: stack.DeploymentApplicationName, deploymentGroupName: stack.DeploymentGroupName },
      includeOnlyStatuses: ['Created', 'Queued', 'InProgress', 'Ready'],
    }),
  );
  for (const deploymentId of deployments) {
    await client.send(new StopDeploymentCommand({ deploymentId, autoRollbackEnabled: true }));
  }
}
