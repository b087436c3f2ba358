import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { variable } from '#environment/variables.ts';
import { UserError } from '#errors/user-error.ts';
import { homeFolder } from '#setup/home.mjs';
import { exceptThisMachine } from '#setup/proxy.mjs';
import packageJson from '../package.json' with { type: 'json' };

// The pinned AWS SDK runs on Node 20; without this, every command warns that its releases of 2027 will not.
process.env[variable.nodeSupportWarning] ??= 'true';

// A user id without a name, as in a container, has no home folder, and the AWS SDK and CDK ask for one.
process.env.HOME ||= homeFolder();

// A proxy is for other machines: LocalStack and "serve" are on this one.
Object.assign(process.env, exceptThisMachine(process.env));

// The reader of the output may close it early, as "head" does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

/** Each command is loaded when it is called: loading the AWS SDK, CDK and TensorFlow takes seconds. */
const commands: Record<string, { summary: string; load: () => Promise<Command> }> = {
  start: {
    summary: 'train, deploy and serve, all on this machine',
    load: async () => (await import('./commands/start.ts')).startCommand(),
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
  deploy: {
    summary: 'create or update the stack',
    load: async () => (await import('./commands/deploy.ts')).deployCommand(),
  },
  destroy: {
    summary: 'delete the stack; the models stay',
    load: async () => (await import('./commands/destroy.ts')).destroyCommand(),
  },
  submit: {
    summary: 'train a recipe as an AWS Batch job and follow it',
    load: async () => (await import('./commands/submit.ts')).submitCommand(),
  },
  jobs: {
    summary: 'list training jobs, show or follow one',
    load: async () => (await import('./commands/jobs.ts')).jobsCommand(),
  },
  logs: {
    summary: 'print the log of a job or of the endpoint',
    load: async () => (await import('./commands/logs.ts')).logsCommand(),
  },
  models: {
    summary: 'list, show, promote and roll back model versions',
    load: async () => (await import('./commands/models.ts')).modelsCommand(),
  },
  classify: {
    summary: 'classify pictures through the endpoint',
    load: async () => (await import('./commands/classify.ts')).classifyCommand(),
  },
  serve: {
    summary: 'serve a model on a local port, without a cloud',
    load: async () => (await import('./commands/serve.ts')).serveCommand(),
  },
  cost: {
    summary: 'estimate the cost of classifications and of a training run',
    load: async () => (await import('./commands/cost.ts')).costCommand(),
  },
  local: {
    summary: 'start, inspect and end LocalStack on this machine',
    load: async () => (await import('./commands/local.ts')).localCommand(),
  },
};

const examples = `
Examples:
  ./cifar10 train quick                       train in this process, store a version in this clone
  ./cifar10 local up && ./cifar10 deploy      the whole stack, on this machine
  ./cifar10 submit quick                      train as a Batch job, and follow it
  ./cifar10 models promote candidate          serve the last trained version
  ./cifar10 classify photo.png                classify a picture
  ./cifar10 deploy --target aws               deploy to your AWS account`;

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('cifar10')
    .description('Train an image classifier with TensorFlow.js, and serve it on AWS or on this machine.')
    .version(packageJson.version)
    .addHelpText('after', examples);
  const [name] = argv;
  for (const [each, { summary, load }] of Object.entries(commands)) {
    program.addCommand(each === name ? await load() : new Command(each).description(summary));
  }
  throwInsteadOfExiting(program);
  if (name === 'help' && argv[1] && commands[argv[1]]) return main([argv[1], '--help']);
  await program.parseAsync(argv, { from: 'user' });
}

/** Commander exits with 1 for bad arguments; here that is 2, and 1 means that the work failed. */
function throwInsteadOfExiting(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExiting(child);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 || error.code === 'commander.help' ? 0 : 2;
  } else if (error instanceof UserError) {
    process.stderr.write(`${pc.red('error')} ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else {
    process.stderr.write(`${pc.red('error')} Internal error in cifar10 (please report it):\n`);
    console.error(error);
    process.exitCode = 1;
  }
}
