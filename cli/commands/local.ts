import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { variable } from '#environment/variables.ts';
import { UserError } from '#errors/user-error.ts';
import { localEnvironment, userEnvironment } from '#local/environment.ts';
import { logFile } from '#local/instance.ts';
import { defaultFolder, findLocalStack, readLog, startLocalStack, stopLocalStack } from '#local/localstack.ts';
import { followLog } from '#local/log.ts';
import { activeJobs, endJob, stateOf } from '../batch/batch-jobs.ts';
import { submitCommand } from '../batch/submit-command.ts';
import { localTarget, type StackOutputs, type Target } from '../stack/target.ts';
import { step } from '../terminal/steps.ts';

const examples = `
LocalStack emulates AWS on this machine, on 127.0.0.1, without an account and without Docker. It
loses its state when it ends, except for models, runs and promotions: those are also kept in this
clone as they are written, and the next deployment restores them.

Examples:
  ./cifar10 local up                    start it, or show the running one
  ./cifar10 deploy                      deploy the stack to it
  eval "$(./cifar10 local env)"         point aws, cdk and programs of this shell to it, and set
                                        URL and KEY, with which curl reaches the endpoint
  ./cifar10 local logs --follow         its requests and answers, as they happen
  ./cifar10 local down                  end its jobs with a checkpoint, and end it`;

export function localCommand(): Command {
  const command = new Command('local')
    .description('Start, inspect and end LocalStack on this machine.')
    .addHelpText('after', examples);
  command
    .command('up')
    .description('start it, or show the running one')
    .option('--port <port>', 'port to listen on (default: 4566 if it is free, else any)', parsePort)
    .option('--json', 'print JSON')
    .action(up);
  command
    .command('status')
    .description('show whether it runs, and where; exit code 1 if it does not run')
    .option('--json', 'print JSON')
    .action(status);
  command
    .command('logs')
    .description('print the end of its log, also after it has ended')
    .option('-n, --lines <count>', 'number of lines', parseCount, 100)
    .option('-f, --follow', 'print new lines until Ctrl-C')
    .action(logs);
  command
    .command('env')
    .description('print the variables that point a shell to it, and the URL and KEY of its endpoint')
    .option('--json', 'print JSON')
    .action(env);
  command
    .command('down')
    .description('end its jobs with a checkpoint, and end it')
    .option('--json', 'print JSON')
    .action(down);
  return command;
}

async function up({ port, json }: { readonly port?: number; readonly json?: true }): Promise<void> {
  const localStack = await step('start LocalStack', () => startLocalStack({ port }));
  if (port !== undefined && localStack.port !== port) {
    throw new UserError(
      `LocalStack is already running on port ${localStack.port}. To start it on port ${port}, run "./cifar10 local down" first.`,
    );
  }
  if (json) return print(localStack);
  printFacts([
    [localStack.wasRunning ? 'running' : 'endpoint', localStack.endpoint],
    ['process', String(localStack.pid)],
    ['log', logFile(localStack.folder)],
    ['next', './cifar10 deploy'],
  ]);
}

async function status({ json }: { readonly json?: true }): Promise<void> {
  const localStack = await findLocalStack();
  if (!localStack) {
    process.exitCode = 1;
    if (json) print({ isUp: false });
    else process.stdout.write('LocalStack is not running. Start it with "./cifar10 local up".\n');
    return;
  }
  const target = localTarget(localStack.endpoint);
  const stack = await deployed(target);
  const jobs = stack ? await activeJobs(target, stack) : [];
  const url = stack && target.apiUrl(stack);
  const apiKey = stack && (await target.apiKey(stack));
  if (json) return print({ isUp: true, ...localStack, url, apiKey, jobs: jobs.map(({ id }) => id) });
  printFacts([
    ['endpoint', localStack.endpoint],
    ['version', localStack.version],
    ['process', String(localStack.pid)],
    ['log', logFile(localStack.folder)],
    ['stack', url ?? 'not deployed: ./cifar10 deploy'],
    ...(stack
      ? [['key', apiKey ?? (stack.Auth === 'iam' ? 'none: requests are signed' : 'none needed')] as const]
      : []),
    ['jobs', jobs.length === 0 ? 'none' : jobs.map((job) => `${job.run} (${stateOf(job)})`).join(', ')],
  ]);
}

async function logs({ lines, follow }: { readonly lines: number; readonly follow?: true }): Promise<void> {
  const end = await readLog(lines);
  if (end === '') throw new UserError('LocalStack has not run in this clone yet. Start it with "./cifar10 local up".');
  process.stdout.write(`${end}\n`);
  if (follow) await followLog(defaultFolder, (text) => process.stdout.write(text));
}

async function env({ json }: { readonly json?: true }): Promise<void> {
  const localStack = await findLocalStack();
  if (!localStack) throw new UserError('LocalStack is not running. Start it with "./cifar10 local up".');
  const variables = {
    ...localEnvironment(localStack.endpoint, {}),
    ...(await endpointVariables(localTarget(localStack.endpoint))),
  };
  if (json) return print(variables);
  // These would take precedence.
  const others = Object.keys(userEnvironment).filter(
    (name) => name.startsWith('AWS_') && !(name in variables) && name !== variable.nodeSupportWarning,
  );
  for (const name of others) process.stdout.write(`unset ${name}\n`);
  for (const [name, value] of Object.entries(variables)) process.stdout.write(`export ${name}='${value}'\n`);
}

/** For "curl": the endpoint's address and its key, which is empty where none is needed. None before the stack is deployed. */
async function endpointVariables(target: Target): Promise<Readonly<Record<string, string>>> {
  const stack = await deployed(target);
  if (!stack) return {};
  return { URL: target.apiUrl(stack), KEY: (await target.apiKey(stack)) ?? '' };
}

async function down({ json }: { readonly json?: true }): Promise<void> {
  const localStack = await findLocalStack();
  const ended = localStack ? await endJobs(localTarget(localStack.endpoint)) : [];
  const wasRunning = await step('end LocalStack', () => stopLocalStack());
  if (json) return print({ wasRunning, ended });
  if (!wasRunning) process.stdout.write('LocalStack was not running.\n');
  for (const { run, resume } of ended) {
    process.stdout.write(
      `The run ${run} has a checkpoint. To resume it:\n  ./cifar10 local up && ./cifar10 deploy && ${resume}\n`,
    );
  }
}

/** Ends the training jobs with a checkpoint. @returns their runs, and the command that resumes each */
async function endJobs(target: Target): Promise<{ run: string; resume: string }[]> {
  const stack = await deployed(target);
  if (!stack) return [];
  const jobs = await activeJobs(target, stack);
  if (jobs.length > 0) {
    await step('end the training jobs, with a checkpoint', async () => {
      for (const job of jobs) await endJob(target, job, 'LocalStack was ended');
      while ((await activeJobs(target, stack)).length > 0) await sleep(200);
    });
  }
  return jobs.map((job) => ({ run: job.run, resume: submitCommand(job, target) }));
}

/** @returns `undefined` where nothing is deployed */
function deployed(target: Target): Promise<StackOutputs | undefined> {
  return target.stack().catch((error: unknown) => {
    if (error instanceof UserError) return undefined;
    throw error;
  });
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

function printFacts(facts: readonly (readonly [string, string])[]): void {
  for (const [name, value] of facts) process.stdout.write(`${name.padEnd(12)}${value}\n`);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError('A port is a whole number from 1 to 65535.');
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('The number of lines is a whole number, at least 1.');
}
