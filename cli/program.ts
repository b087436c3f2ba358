import { Command, type CommanderError } from 'commander';
import { continueWithoutOutput } from '#errors/closed-output.ts';
import packageJson from '../package.json' with { type: 'json' };
import { BadArguments } from './terminal/bad-arguments.ts';

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
  /** The work matters, not the lines about it: it goes on when nobody reads them any more, as after `| head`. @default false */
  readonly outlivesOutput?: boolean;
}

/** Each command is loaded when it is called: loading the AWS SDK, CDK and TensorFlow takes seconds. */
const commands: Readonly<Record<string, Entry>> = {
  start: {
    summary: 'train, deploy and serve, all on this machine',
    load: async () => (await import('./commands/start.ts')).startCommand(),
    outlivesOutput: true,
  },
  train: {
    summary: 'train a recipe in this process',
    load: async () => (await import('#training/commands/train.ts')).trainCommand(),
  },
  evaluate: {
    summary: 'measure a stored version, or an endpoint, on the test images',
    load: async () => (await import('./commands/evaluate.ts')).evaluateCommand(),
  },
  compare: {
    summary: 'test whether one version is better than another',
    load: async () => (await import('#training/commands/compare.ts')).compareCommand(),
  },
  export: {
    summary: 'write a version as Keras, ONNX, safetensors or TensorFlow.js',
    load: async () => (await import('./commands/export.ts')).exportCommand(),
  },
  data: {
    summary: 'check pictures of your own before training on them',
    load: async () => (await import('./commands/data.ts')).dataCommand(),
  },
  deploy: {
    summary: 'create or update the stack',
    load: async () => (await import('./commands/deploy.ts')).deployCommand(),
    outlivesOutput: true,
  },
  destroy: {
    summary: 'delete the stack; the models stay',
    load: async () => (await import('./commands/destroy.ts')).destroyCommand(),
    outlivesOutput: true,
  },
  key: {
    summary: "print the endpoint's API key",
    load: async () => (await import('./commands/key.ts')).keyCommand(),
  },
  policy: {
    summary: 'print the IAM policy of a reader, submitter or deployer',
    load: async () => (await import('./commands/policy.ts')).policyCommand(),
  },
  submit: {
    summary: 'train a recipe as an AWS Batch job and follow it',
    load: async () => (await import('./commands/submit.ts')).submitCommand(),
    outlivesOutput: true,
  },
  sweep: {
    summary: 'train a recipe with many settings and seeds, and rank them',
    load: async () => (await import('./commands/sweep.ts')).sweepCommand(),
    outlivesOutput: true,
  },
  jobs: {
    summary: 'list training jobs, show or follow one',
    load: async () => (await import('./commands/jobs.ts')).jobsCommand(),
  },
  runs: {
    summary: 'list training runs with recipe, data, accuracy and time',
    load: async () => (await import('./commands/runs.ts')).runsCommand(),
  },
  tensorboard: {
    summary: 'show the curves of all runs in TensorBoard',
    load: async () => (await import('./commands/tensorboard.ts')).tensorboardCommand(),
  },
  logs: {
    summary: 'print the log of a job or of the endpoint',
    load: async () => (await import('./commands/logs.ts')).logsCommand(),
  },
  models: {
    summary: 'list, show, verify, promote, roll back and delete model versions',
    load: async () => (await import('./commands/models.ts')).modelsCommand(),
  },
  classify: {
    summary: 'classify pictures, by an endpoint or in this process',
    load: async () => (await import('./commands/classify.ts')).classifyCommand(),
  },
  serve: {
    summary: 'serve a model on a local port, without a cloud',
    load: async () => (await import('./commands/serve.ts')).serveCommand(),
    outlivesOutput: true,
  },
  cost: {
    summary: 'estimate the cost of classifications and of a training run',
    load: async () => (await import('./commands/cost.ts')).costCommand(),
  },
  doctor: {
    summary: 'check what this machine and your AWS account need',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  },
  local: {
    summary: 'start, inspect and end LocalStack on this machine',
    load: async () => (await import('./commands/local.ts')).localCommand(),
  },
};

const examples = `
Examples:
  ./cifar10 train quick                       train in this process, store a version in this clone
  ./cifar10 train --data photos/              on pictures of your own, in a folder for each class
  ./cifar10 local up && ./cifar10 deploy      the whole stack, on this machine
  ./cifar10 submit quick                      train as a Batch job, and follow it
  ./cifar10 models promote candidate          serve the last trained version
  ./cifar10 classify photo.png                classify a picture
  ./cifar10 deploy --target aws               deploy to your AWS account`;

/**
 * The command line with all its commands; only those to be called need their arguments and options.
 *
 * @param isCalled whether a command is loaded whole
 */
export async function createProgram(isCalled: (name: string) => boolean): Promise<Command> {
  const program = new Command('cifar10')
    .description('Train an image classifier with TensorFlow.js, and serve it on AWS or on this machine.')
    .version(packageJson.version)
    .addHelpText('after', examples);
  for (const [name, { summary, load }] of Object.entries(commands)) {
    program.addCommand(isCalled(name) ? await load() : new Command(name).description(summary));
  }
  prepare(program);
  return program;
}

/**
 * @param onCall is given the command, with its options, before it does anything
 * @throws {BadArguments} the arguments are invalid. @throws {CommanderError} help was asked for. @throws what the command throws
 */
export async function runProgram(
  argv: readonly string[],
  onCall: (command: Command) => void = () => {},
): Promise<void> {
  const [name = '', topic = ''] = argv;
  const isCommand = (word: string) => Object.hasOwn(commands, word);
  if (name === 'help' && isCommand(topic)) return runProgram([...argv.slice(1), '--help'], onCall);
  // The help of a command that is not there would be that of the program.
  const unknown = [name === 'help' ? topic : name].find((word) => /^[^-]/.test(word) && !isCommand(word));
  if (unknown !== undefined && argv.length > 1) return runProgram([unknown], onCall);
  const program = await createProgram((each) => each === name);
  program.hook('preAction', (_, command) => {
    if (commands[name]?.outlivesOutput) continueWithoutOutput();
    onCall(command);
  });
  await program.parseAsync(argv, { from: 'user' });
}

function prepare(command: Command): void {
  // An option after a command is that command's, even if the program has one of the same name, such as --version.
  command.enablePositionalOptions();
  // Commander prints an error and exits with 1; here the edge prints it, 2 is for bad arguments, and 1 for work that failed.
  command.configureOutput({ outputError: () => {} });
  command.exitOverride((error: CommanderError) => {
    throw error.exitCode === 0 || error.code === 'commander.help' ? error : new BadArguments(error, command);
  });
  for (const child of command.commands) prepare(child);
}
