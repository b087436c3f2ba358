import { Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { shellWord } from '#environment/shell-word.ts';
import { UserError } from '#errors/user-error.ts';
import { checkOrigins } from '#inference/http/origins.ts';
import { type Auth, auths } from '#infra/classify/auth.ts';
import { type Shift, shifts } from '#infra/classify/shift.ts';
import { restoreModels } from '#local/mirror.ts';
import { readAlias } from '#models/aliases.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { suffixOf } from '../batch/batch-jobs.ts';
import { testWhileShifting } from '../code-gate/shifting.ts';
import { testCode } from '../code-gate/test-code.ts';
import { lookBeforeDeployment } from '../doctor/before-deployment.ts';
import { type ExamplePicture, writeExamplePictures } from '../endpoint/example-pictures.ts';
import { stackEndpoint } from '../endpoint/stack-endpoint.ts';
import { deploy } from '../stack/deploy.ts';
import { settleOptions } from '../stack/deploy-options.ts';
import { explainInterruption } from '../stack/interruption.ts';
import { readLiveCode } from '../stack/live-code.ts';
import { lookAtPictureBuckets, pictureBucketAdvice } from '../stack/picture-buckets.ts';
import { readStackState } from '../stack/stack-state.ts';
import {
  openTarget,
  type StackOutputs,
  stageOption,
  type Target,
  type TargetOptions,
  targetOption,
} from '../stack/target.ts';
import { step } from '../terminal/steps.ts';

export function deployCommand(): Command {
  return new Command('deploy')
    .description('Create or update the stack: bucket, training queue and endpoint.')
    .addOption(targetOption())
    .addOption(stageOption())
    .option('--training-image <uri>', 'the image of GPU jobs in a registry, or "build" to build it with Docker')
    .option('--cpu-training-image <uri>', 'the image of jobs without a GPU in a registry, or "build"')
    .addOption(
      new Option(
        '--auth <auth>',
        'who may classify: holders of the API key, users and roles of AWS whose policies allow it, or everybody',
      ).choices(auths),
    )
    .option(
      '--origin <origins...>',
      'web origins that may call the endpoint, such as https://example.org; * for all, none for none',
    )
    .option(
      '--pictures <buckets...>',
      'other buckets whose pictures jobs may classify, such as my-photos; none for none. The stack’s own is always one, below pictures/',
    )
    .addOption(
      new Option(
        '--max-vcpus <count>',
        'the most vCPUs of a queue at a time, on Spot instances and again on demand: 16 are 8 jobs on CPUs, or 4 on GPUs',
      ).argParser(wholeNumber),
    )
    .addOption(new Option('--shift <shift>', 'how requests go over to new code on AWS, see below').choices(shifts))
    .addOption(new Option('--watch <watch>', 'dashboard, alarms and notices of failed jobs').choices(['on', 'off']))
    .option('--email <address>', 'who gets alarms and notices by e-mail; none for nobody')
    .addOption(
      new Option(
        '--budget <usd>',
        'US dollars a month of the whole account, of which an e-mail warns; none for none',
      ).argParser(dollars),
    )
    .option('--json', 'print the stack’s outputs and the endpoint’s address as JSON; on LocalStack its key, too')
    .addHelpText('after', help)
    .action(async (options: CommandOptions) => {
      const { trainingImage, cpuTrainingImage, auth, maxVcpus, shift, watch, email, budget } = options;
      const pictureBuckets = options.pictures?.filter((bucket) => bucket !== 'none');
      const origins = options.origin && checkOrigins(options.origin.filter((origin) => origin !== 'none'));
      const target = await openTarget(options);
      const endWatch = explainInterruption(
        `CloudFormation continues with what it has begun. Run "./cifar10 deploy${suffixOf(target)}" again: it waits for it.`,
      );
      const { outputs } = (await readStackState(target.clientConfig, target.stackName)) ?? {};
      const before = await readLiveCode(target, outputs?.ClassifierFunctionName);
      const stack = await step('deploy the stack', async (report, note) => {
        const asked = {
          ...{ trainingImage, cpuTrainingImage, auth, origins, pictureBuckets, maxVcpus },
          ...{ shift, watch, email, budget },
        };
        if (target.name === 'aws') await lookBeforeDeployment(target, asked, note);
        const buckets = await lookAtPictureBuckets(target, settleOptions(target, { pictureBuckets }).pictureBuckets);
        const deployed = await deploy(target, { ...asked, report, note, testShift: testShiftOn(target) });
        const role = deployed.ClassifyJobRoleArn ?? '';
        for (const advice of buckets.flatMap((bucket) => pictureBucketAdvice(bucket, role))) note(advice);
        return deployed;
      }).finally(endWatch);
      if (target.name === 'local' && target.stage === undefined) {
        const { damaged } = await restoreModels(await target.store()); // LocalStack lost them when it ended.
        for (const problem of damaged) process.stderr.write(`${pc.yellow('!')} ${problem}\n`);
      }
      const endpoint = await stackEndpoint(target, stack);
      await step('test the endpoint', (report, note) => testCode(target, stack, { before, endpoint, report, note }));
      const pictures = await examplePictures(await target.store());
      if (options.json) {
        const key = target.name === 'local' ? { apiKey: await target.apiKey(stack) } : {};
        process.stdout.write(`${JSON.stringify({ ...stack, url: target.apiUrl(stack), ...key }, undefined, 2)}\n`);
      } else {
        process.stdout.write(await summary(target, stack, pictures));
      }
    });
}

interface CommandOptions extends TargetOptions {
  readonly trainingImage?: string;
  readonly cpuTrainingImage?: string;
  readonly auth?: Auth;
  readonly origin?: readonly string[];
  readonly pictures?: readonly string[];
  readonly maxVcpus?: number;
  readonly shift?: Shift;
  readonly watch?: 'on' | 'off';
  readonly email?: string;
  readonly budget?: number | 'none';
  readonly json?: true;
}

const help = `
An option holds until it is changed: the stack keeps them, and a deployment without them leaves them as
they are. Back to the defaults: --auth key, --origin none, --pictures none, --max-vcpus 16, --shift canary,
--training-image build, --cpu-training-image build, --watch on, --email none, --budget none. On
LocalStack "build" is the program of this clone.
--pictures and --origin name all that are allowed from now on: leave one out to remove it.

--shift says how requests go over to new code: canary, a tenth of them for five minutes; linear, a tenth
more each minute; all-at-once. Only AWS does that. After each deployment the endpoint is tested: ready,
golden pictures of its model, refused without a key. If that fails, the code of before answers again, and
the exit code is 1. The same command then tests the new code again, and makes it live if it passes.

The first deployment to an account also runs "cdk bootstrap". It may be interrupted, and run again. On
AWS it looks at the account first, as "./cifar10 doctor --target aws" does; the key is printed by
"./cifar10 key" alone. "npx cdk deploy" does the same, but its contexts are all that it
knows: -c auth=iam, -c origins=…, -c pictureBuckets=…, -c email=… are to be given each time. On LocalStack it
needs the environment that "./cifar10 local env" prints.

Examples:
  ./cifar10 deploy                                       on LocalStack, which must be running
  ./cifar10 deploy --target aws                          in your AWS account; Docker builds the images
  ./cifar10 deploy --target aws --training-image 123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1
  ./cifar10 deploy --target aws --auth iam               requests must be signed, from now on
  ./cifar10 deploy --target aws --auth none              an endpoint for everybody, from now on
  ./cifar10 deploy --target aws --stage prod             a stack beside that of --stage dev, protected
  ./cifar10 deploy --target aws --origin https://example.org   allow that origin
  ./cifar10 deploy --target aws --pictures my-photos     jobs may classify the pictures of that bucket
  ./cifar10 deploy --target aws --email me@example.org --budget 20   tell me of alarms, failed jobs and $16
  ./cifar10 deploy --target aws --max-vcpus 512          256 jobs on CPUs at a time, if the quota allows it`;

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Give a whole number of vCPUs, such as 64.');
  return Number(text);
}

function dollars(text: string): number | 'none' {
  if (text === 'none') return text;
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Give US dollars a month, such as 20, or none.');
  return Number(text);
}

/** By the golden pictures of the models that the stack serves. */
function testShiftOn(target: Target) {
  return async (stack: Partial<StackOutputs>, signal: AbortSignal) =>
    testWhileShifting(target, stack, { store: await target.store(), signal });
}

/** Pictures to try the endpoint with. Where there are none, the deployment is as good without them. */
async function examplePictures(store: ObjectStore): Promise<readonly ExamplePicture[]> {
  try {
    return await step('write the example pictures', () => writeExamplePictures(store));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`${pc.yellow('!')} There are no example pictures: ${error.message}\n`);
    return [];
  }
}

async function summary(target: Target, stack: StackOutputs, pictures: readonly ExamplePicture[]): Promise<string> {
  const store = await target.store();
  const [production, candidate] = [await readAlias(store, 'production'), await readAlias(store, 'candidate')];
  const untilPromoted = candidate ? 'models promote candidate' : 'submit quick';
  const next = production ? `classify ${shellWord(pictures[0]?.file ?? 'photo.png')}` : untilPromoted;
  const url = target.apiUrl(stack);
  const lines = [
    ['endpoint', url],
    ['page', `${url}/`],
    [stack.Auth === 'iam' ? 'signed' : 'key', await keyLine(target, stack)],
    ['bucket', stack.BucketName],
    ['queue', stack.JobQueueArn],
    ['code', `version ${stack.ClassifierVersion}`],
    ['model', production ? production.version : 'none yet'],
    ...(stack.Email && stack.Watch !== 'off' ? [['notices', noticesLine(target, stack.Email)]] : []),
    ['next', `./cifar10 ${next}${suffixOf(target)}`],
  ];
  return lines.map(([name, value]) => `${name?.padEnd(10)}${value}\n`).join('');
}

function noticesLine(target: Target, email: string): string {
  return target.name === 'aws'
    ? `${email}, once it has confirmed AWS’s mail`
    : `${email}, on AWS: LocalStack sends no mail`;
}

/** On AWS the key itself would end up in the logs of whatever deploys. */
async function keyLine(target: Target, stack: StackOutputs): Promise<string> {
  if (stack.Auth === 'iam') return 'by who may execute-api:Invoke; ./cifar10 classify signs';
  if (stack.ApiKeyId === undefined) return 'none needed';
  return target.name === 'local' ? ((await target.apiKey(stack)) ?? '') : `./cifar10 key${suffixOf(target)}`;
}
