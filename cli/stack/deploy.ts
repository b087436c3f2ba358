import { spawnSync } from 'node:child_process';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { UserError } from '#errors/user-error.ts';
import { trainingImage } from '#local/training-image.ts';
import type { Report } from '../terminal/steps.ts';
import { bootstrapCdk, runCdk } from './cdk.ts';
import { stackFailures } from './stack-failures.ts';
import { describeCdkLine, parseStackProgress } from './stack-progress.ts';
import { type StackOutputs, stackName, type Target } from './target.ts';

export interface DeployOptions {
  /** The image in a registry that jobs run. @default built here by Docker; on LocalStack the program of this clone */
  readonly trainingImage?: string | undefined;
  /** Who may classify: holders of the API key, or everybody who knows the address. @default key */
  readonly auth?: 'key' | 'none';
  /** Other web origins that may call the endpoint. @default none */
  readonly origins?: readonly string[];
  /** @default reports nothing */
  readonly report?: Report;
}

/**
 * Creates the stack, or updates it to what this clone describes. The first deployment bootstraps the account for CDK.
 *
 * @throws {UserError} it failed; the message has CloudFormation's reason
 */
export async function deploy(target: Target, options: DeployOptions = {}): Promise<StackOutputs> {
  const image = options.trainingImage ?? (target.name === 'local' ? trainingImage : undefined);
  if (image === undefined) checkDocker(target);
  const { report = () => {} } = options;

  if (!(await isBootstrapped(target))) {
    report('prepare the account for CDK');
    await bootstrapCdk(target, await cdkEnvironment(target));
  }
  report('synthesize the template');
  let hasBegun = false;
  await runCdk(target, ['deploy', stackName, ...deployArguments(image, options)], (line) => {
    hasBegun ||= parseStackProgress(line) !== undefined;
    const description = describeCdkLine(line);
    if (description) report(description);
  }).catch(async (error: unknown) => {
    const failures = hasBegun ? await stackFailures(target) : [];
    if (failures.length === 0) throw error;
    throw new UserError(`The stack was not deployed:\n${failures.map((each) => `  ${each}`).join('\n')}`, {
      cause: error,
    });
  });
  return target.stack();
}

function deployArguments(image: string | undefined, { auth = 'key', origins = [] }: DeployOptions): string[] {
  return [
    ...['--require-approval', 'never', '--progress', 'events'],
    ...['--context', `auth=${auth}`],
    ...(origins.length === 0 ? [] : ['--context', `origins=${origins.join(' ')}`]),
    // Without a change set: it takes time, and nobody reads it.
    ...['--method', 'direct'],
    ...(image === undefined ? [] : ['--context', `trainingImage=${image}`]),
  ];
}

async function isBootstrapped(target: Target): Promise<boolean> {
  const cloudFormation = new CloudFormationClient(target.clientConfig);
  const { Stacks } = await cloudFormation
    .send(new DescribeStacksCommand({ StackName: 'CDKToolkit' }))
    .catch((error: Error) => {
      if (error.message.includes('does not exist')) return { Stacks: [] };
      throw error;
    });
  return /^(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE$/.test(Stacks?.[0]?.StackStatus ?? '');
}

async function cdkEnvironment(target: Target): Promise<string> {
  const sts = new STSClient(target.clientConfig);
  const { Account } = await sts.send(new GetCallerIdentityCommand());
  return `aws://${Account}/${await sts.config.region()}`;
}

function checkDocker(target: Target): void {
  const docker = target.environment.CDK_DOCKER ?? 'docker';
  if (spawnSync(docker, ['version'], { env: target.environment }).status === 0) return;
  throw new UserError(
    `Docker builds the training image, and "${docker} version" fails on this machine. Start Docker, or give an image in a registry with --training-image.`,
  );
}
