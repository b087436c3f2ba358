import { UserError } from '#errors/user-error.ts';
import type { InstanceTypes } from '#infra/training/instance-types.ts';
import type { Report } from '../terminal/steps.ts';
import { ensureBootstrap } from './bootstrap.ts';
import { runCdk } from './cdk.ts';
import { type DeployOptions, type DeploySettings, settleOptions } from './deploy-options.ts';
import { checkDocker } from './docker.ts';
import { readyStack } from './ready-stack.ts';
import { regionTypes } from './region-types.ts';
import { stackFailures } from './stack-failures.ts';
import { describeCdkLine, parseStackProgress } from './stack-progress.ts';
import { readStackState } from './stack-state.ts';
import type { StackOutputs, Target } from './target.ts';

/**
 * Creates the stack, or updates it to what this clone describes. The first deployment bootstraps the account for CDK.
 *
 * It may be interrupted, and called again: it waits for what CloudFormation has begun.
 *
 * @param report is called with the progress. @default reports nothing
 * @param note is called with what the user should know of the region. @default says nothing
 * @throws {UserError} it failed; the message has CloudFormation's reason
 */
export async function deploy(
  target: Target,
  {
    report = () => {},
    note = () => {},
    ...options
  }: DeployOptions & { readonly report?: Report; readonly note?: (text: string) => void } = {},
): Promise<StackOutputs> {
  // First what can be refused without waiting for anything.
  const before = await readStackState(target.clientConfig, target.stackName);
  checkDocker(target, settleOptions(target, options, before?.outputs));
  if (target.name === 'aws') report(`ask what ${target.region} offers`);
  const types = target.name === 'aws' ? await regionTypes(target, note) : undefined;

  const stack = await readyStack(target, report);
  const settings = settleOptions(target, options, stack?.outputs);
  await ensureBootstrap(target, report);
  report('synthesize the template');
  let hasBegun = false;
  try {
    await runCdk(target, ['deploy', target.stackName, ...deployArguments(target, settings, types)], (line) => {
      hasBegun ||= parseStackProgress(line) !== undefined;
      const description = describeCdkLine(line);
      if (description) report(description);
    });
    // LocalStack ends an update that failed as if it had been made, but without outputs.
    return await target.stack();
  } catch (error) {
    const failures = hasBegun ? await stackFailures(target, target.stackName).catch(() => []) : [];
    if (failures.length === 0) throw error;
    throw new UserError(`The stack was not deployed:\n${failures.map((each) => `  ${each}`).join('\n')}`, {
      cause: error,
    });
  }
}

function deployArguments(
  { stage }: Target,
  { trainingImage, cpuTrainingImage, auth, origins, pictureBuckets, maxVcpus, watch, email, budget }: DeploySettings,
  types: InstanceTypes | undefined,
): string[] {
  const contexts = {
    ...(stage === undefined ? {} : { stage }),
    auth,
    maxVcpus,
    watch,
    ...(email === undefined ? {} : { email }),
    ...(budget === undefined ? {} : { budget }),
    ...(origins.length === 0 ? {} : { origins: origins.join(' ') }),
    ...(pictureBuckets.length === 0 ? {} : { pictureBuckets: pictureBuckets.join(' ') }),
    ...(trainingImage === undefined ? {} : { trainingImage }),
    ...(cpuTrainingImage === undefined ? {} : { cpuTrainingImage }),
    ...(types && { instanceTypes: types.gpu.join(' '), cpuInstanceTypes: types.cpu.join(' ') }),
  };
  return [
    ...['--require-approval', 'never', '--progress', 'events'],
    // Without a change set: it takes time, and nobody reads it.
    ...['--method', 'direct'],
    ...Object.entries(contexts).flatMap(([name, value]) => ['--context', `${name}=${value}`]),
  ];
}
