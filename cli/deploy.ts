import { spawnSync } from 'node:child_process';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { Command, Option } from 'commander';
import { UserError } from '#errors/user-error.ts';
import { checkOrigins } from '#inference/origins.ts';
import { restoreModels } from '#local/mirror.ts';
import { trainingImage } from '#local/training-image.ts';
import { readAlias } from '#models/aliases.ts';
import { bootstrapCdk, runCdk } from './cdk.ts';
import { stackFailures } from './stack-failures.ts';
import { describeCdkLine, parseStackProgress } from './stack-progress.ts';
import { step, type Tell } from './steps.ts';
import { openTarget, type StackOutputs, stackName, type Target, type TargetName, targetOption } from './target.ts';

export interface DeployOptions {
  /** An image in a registry that jobs run. @default built here, by Docker; on this machine the program of this clone */
  readonly trainingImage?: string | undefined;
  /** Who may classify: holders of the key, or everybody who knows the address. @default key */
  readonly auth?: 'key' | 'none';
  /** Web pages of other origins that may ask. @default none */
  readonly origins?: readonly string[];
  /** @default tells nothing */
  readonly tell?: Tell;
}

/**
 * Creates the stack, or changes it to what this clone describes; what it needs in the account first, the first time.
 *
 * @throws {UserError} it failed; the message has CloudFormation's reason
 */
export async function deploy(target: Target, options: DeployOptions = {}): Promise<StackOutputs> {
  const image = options.trainingImage ?? (target.name === 'local' ? trainingImage : undefined);
  if (image === undefined) checkDocker(target);
  const tell = atMostOnceASecond(options.tell ?? (() => {}));

  if (!(await isBootstrapped(target))) {
    tell('prepare the account for CDK');
    await bootstrapCdk(target, await cdkEnvironment(target));
  }
  tell('synthesize the template');
  let hasBegun = false;
  await runCdk(target, ['deploy', stackName, ...deployArguments(image, options)], (line) => {
    hasBegun ||= parseStackProgress(line) !== undefined;
    const description = describeCdkLine(line);
    if (description) tell(description);
  }).catch(async (error: unknown) => {
    const failures = hasBegun ? await stackFailures(target) : [];
    if (failures.length === 0) throw error;
    throw new UserError(`The stack was not deployed:\n${failures.map((each) => `  ${each}`).join('\n')}`, {
      cause: error,
    });
  });
  return target.stack();
}

export function deployCommand(): Command {
  return new Command('deploy')
    .description('Create or update the stack: bucket, training queue and endpoint.')
    .addOption(targetOption())
    .option('--training-image <uri>', 'an image in a registry for jobs, instead of one that is built here by Docker')
    .addOption(
      new Option('--auth <auth>', 'who may classify: holders of the API key, or everybody')
        .choices(['key', 'none'])
        .default('key'),
    )
    .option('--origin <origins...>', 'web pages of other origins that may ask, such as https://example.org; * for all')
    .option('--json', 'print the stack’s outputs as JSON')
    .addHelpText('after', examples)
    .action(async (options: CommandOptions) => {
      const { trainingImage, auth } = options;
      const origins = checkOrigins(options.origin ?? []);
      const target = await openTarget(options.target);
      const stack = await step('deploy the stack', (tell) => deploy(target, { trainingImage, auth, origins, tell }));
      if (target.name === 'local') await restoreModels(await target.store()); // LocalStack forgot them when it ended
      const url = target.apiUrl(stack);
      if (options.json) process.stdout.write(`${JSON.stringify({ ...stack, url }, undefined, 2)}\n`);
      else process.stdout.write(await summary(target, stack));
    });
}

interface CommandOptions {
  readonly target: TargetName;
  readonly trainingImage?: string;
  readonly auth: 'key' | 'none';
  readonly origin?: readonly string[];
  readonly json?: true;
}

const examples = `
The first deployment to an account also prepares it for CDK ("cdk bootstrap"). "npx cdk deploy" does the same as this
command on AWS; on this machine the two need the environment of LocalStack, which this command sets.

Examples:
  ./cifar10 deploy                                       on this machine, where LocalStack is up
  ./cifar10 deploy --target aws                          in your AWS account; builds the training image by Docker
  ./cifar10 deploy --target aws --training-image 123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1
  ./cifar10 deploy --target aws --auth none              an endpoint that asks for no key
  ./cifar10 deploy --target aws --origin https://example.org   and lets the web pages of that site ask`;

async function summary(target: Target, stack: StackOutputs): Promise<string> {
  const production = await readAlias(await target.store(), 'production');
  const suffix = target.name === 'local' ? '' : ` --target ${target.name}`;
  const next = production ? `./cifar10 classify photo.png${suffix}` : `./cifar10 submit quick${suffix}`;
  const lines = [
    ['endpoint', target.apiUrl(stack)],
    ['key', (await target.apiKey(stack)) ?? 'none is asked for'],
    ['bucket', stack.BucketName],
    ['queue', stack.JobQueueArn],
    ['model', production ? production.version : 'none yet'],
    ['next', next],
  ];
  return lines.map(([name, value]) => `${name?.padEnd(10)}${value}\n`).join('');
}

function deployArguments(image: string | undefined, { auth = 'key', origins = [] }: DeployOptions): string[] {
  return [
    ...['--require-approval', 'never', '--progress', 'events'],
    ...['--context', `auth=${auth}`],
    ...(origins.length === 0 ? [] : ['--context', `origins=${origins.join(' ')}`]),
    // Without a change set: that is one more object to wait for, and nobody looks at it.
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
    `The training image is built by Docker, and "${docker} version" fails on this machine. Start Docker, or name an image that is in a registry with --training-image.`,
  );
}

/** Without a terminal each line stays: sixty resources in five seconds are more than anybody wants to read. */
function atMostOnceASecond(tell: Tell): Tell {
  let last = Number.NEGATIVE_INFINITY;
  return (line) => {
    if (performance.now() - last < 1000) return;
    last = performance.now();
    tell(line);
  };
}
