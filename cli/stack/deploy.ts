import { UserError } from '#errors/user-error.ts';
import type { InstanceTypes } from '#infra/training/instance-types.ts';
import type { Report } from '../terminal/steps.ts';
import { ensureBootstrap } from './bootstrap.ts';
import { runCdk } from './cdk.ts';
import { type DeployOptions, type DeploySettings, settleOptions } from './deploy-options.ts';
import { checkDocker } from './docker.ts';
import { readLiveCode } from './live-code.ts';
import { readyStack } from './ready-stack.ts';
import { regionTypes } from './region-types.ts';
import { adviceOnAlarm, isAlarm, stackFailures } from './stack-failures.ts';
import { describeCdkLine, parseStackProgress } from './stack-progress.ts';
import { readStackState } from './stack-state.ts';
import { type StackOutputs, suffixOf, type Target } from './target.ts';

/**
 * Creates the stack, or updates it to what this clone describes. The first deployment bootstraps the account for CDK.
 *
 * It may be interrupted, and called again: it waits for what CloudFormation has begun.
 *
 * @param report is called with the progress. @default reports nothing
 * @param note is called with what the user should know of the region. @default says nothing
 * @param testShift tests new code while requests go over to it. @default it is not tested
 * @throws {UserError} it failed; the message has CloudFormation's reason
 */
export async function deploy(
  target: Target,
  {
    report = () => {},
    note = () => {},
    testShift,
    ...options
  }: DeployOptions & {
    readonly report?: Report;
    readonly note?: (text: string) => void;
    readonly testShift?: TestShift;
  } = {},
): Promise<StackOutputs> {
  // First what can be refused without waiting for anything.
  const before = await readStackState(target.clientConfig, target.stackName);
  checkDocker(target, settleOptions(target, options, before?.outputs));
  if (target.name === 'aws') report(`ask what ${target.region} offers`);
  const types = target.name === 'aws' ? await regionTypes(target, note) : undefined;

  const stack = await readyStack(target, report);
  const settings = settleOptions(target, options, stack?.outputs);
  const live = await readLiveCode(target, stack?.outputs.ClassifierFunctionName);
  const isAliasMoved = live !== undefined && live.version !== stack?.outputs.ClassifierVersion;
  if (isAliasMoved)
    note(`version ${live.version} of the code is live, not the last one: the new one gets all requests at once`);
  await ensureBootstrap(target, report);
  report('synthesize the template');
  let hasBegun = false;
  const shift = watchShift(target, stack?.outputs, { note, testShift });
  try {
    const contexts = contextArguments(target, settings, { types, isAliasMoved });
    await runCdk(target, ['deploy', target.stackName, ...deployArguments, ...contexts], (line) => {
      const progress = parseStackProgress(line);
      hasBegun ||= progress !== undefined;
      if (progress?.type === 'AWS::Lambda::Alias' && progress.status === 'UPDATE_IN_PROGRESS') shift.begin();
      const description = describeCdkLine(line);
      if (description) report(description);
    }).finally(() => shift.end());
    // LocalStack ends an update that failed as if it had been made, but without outputs.
    return await target.stack();
  } catch (error) {
    const smoke = await shift.end();
    if (smoke) {
      const lines = [
        'The new code failed its smoke test while requests went over to it. CodeDeploy has moved all of them back, and CloudFormation the stack.',
        `  expected  ${smoke.expected}`,
        `  came      ${smoke.came}`,
        `  live      version ${live?.version}, as before`,
        `  log       ./cifar10 logs endpoint --since 10m${suffixOf(target)}`,
      ];
      throw new UserError(lines.join('\n'), { cause: smoke });
    }
    const failures = hasBegun ? await stackFailures(target, target.stackName).catch(() => []) : [];
    if (failures.length === 0) throw error;
    const lines = [
      'The stack was not deployed:',
      ...failures.map((each) => `  ${each}`),
      ...(failures.some(isAlarm) ? [adviceOnAlarm(target)] : []),
    ];
    throw new UserError(lines.join('\n'), { cause: error });
  }
}

/**
 * Tests the code that has a part of the requests, and stops the deployment if it fails.
 *
 * @param stack its outputs before the deployment
 * @param signal ends the wait for code that has a part of the requests
 * @returns why it failed; `undefined` where it passed, or no requests went over
 */
type TestShift = (
  stack: Partial<StackOutputs>,
  signal: AbortSignal,
) => Promise<{ readonly expected: string; readonly came: string } | undefined>;

/** Tests new code while requests go over to it, which they do step by step on AWS only. */
function watchShift(
  target: Target,
  outputs: Partial<StackOutputs> | undefined,
  { note, testShift }: { readonly note: (text: string) => void; readonly testShift: TestShift | undefined },
) {
  const ended = new AbortController();
  let result: ReturnType<TestShift> | undefined;
  return {
    begin() {
      if (target.name !== 'aws' || outputs?.DeploymentGroupName === undefined) return;
      result ??= testShift?.(outputs, ended.signal).catch((error: Error) => {
        note(`the new code was not tested while requests went over to it: ${error.message}`);
        return undefined;
      });
    },
    /** @returns why the code failed */
    end() {
      ended.abort();
      return result;
    },
  };
}

const deployArguments = [
  ...['--require-approval', 'never', '--progress', 'events'],
  // Without a change set: it takes time, and nobody reads it.
  ...['--method', 'direct'],
];

/** The contexts by which CDK synthesizes the stack with these settings: for `cdk deploy` and `cdk diff` alike. */
export function contextArguments(
  { stage }: Target,
  { trainingImage, cpuTrainingImage, origins, pictureBuckets, email, budget, ...others }: DeploySettings,
  { types, isAliasMoved = false }: { readonly types?: InstanceTypes | undefined; readonly isAliasMoved?: boolean } = {},
): string[] {
  const { auth, maxVcpus, shift, watch } = others;
  const contexts = {
    ...(stage === undefined ? {} : { stage }),
    ...{ auth, maxVcpus, shift, watch },
    ...(isAliasMoved ? { aliasMoved: 'yes' } : {}),
    ...(email === undefined ? {} : { email }),
    ...(budget === undefined ? {} : { budget }),
    ...(origins.length === 0 ? {} : { origins: origins.join(' ') }),
    ...(pictureBuckets.length === 0 ? {} : { pictureBuckets: pictureBuckets.join(' ') }),
    ...(trainingImage === undefined ? {} : { trainingImage }),
    ...(cpuTrainingImage === undefined ? {} : { cpuTrainingImage }),
    ...(types && { instanceTypes: types.gpu.join(' '), cpuInstanceTypes: types.cpu.join(' ') }),
  };
  return Object.entries(contexts).flatMap(([name, value]) => ['--context', `${name}=${value}`]);
}
