import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { variable } from '#environment/variables.ts';
import { UserError } from '#errors/user-error.ts';
import packageJson from '../package.json' with { type: 'json' };

// The AWS SDK that is pinned here runs on Node 20; that its releases of 2027 will not is no news for every command.
process.env[variable.nodeSupportWarning] ??= 'true';

// Whoever reads the output may have seen enough, as "head" has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

/** Each command is loaded when it is called: the AWS SDK, CDK and TensorFlow together would cost every `--help` seconds. */
const commands: Record<string, { summary: string; load: () => Promise<Command> }> = {
  start: {
    summary: 'everything: set up, train, deploy and serve on this machine',
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
    summary: 'tell whether one version is better than another, or just lucky',
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
    summary: 'take the stack down; the models stay',
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
    summary: 'the logs of a job or of the endpoint',
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
    summary: 'serve a model on a local port, with no cloud at all',
    load: async () => (await import('./commands/serve.ts')).serveCommand(),
  },
  cost: {
    summary: 'dollars for a million classifications and for a training run',
    load: async () => (await import('./commands/cost.ts')).costCommand(),
  },
  local: {
    summary: 'LocalStack on this machine: up, status, logs, down',
    load: async () => (await import('./commands/local.ts')).localCommand(),
  },
};

const examples = `
Examples:
  ./cifar10 train quick                       train in this process, store a version in .cifar10/store
  ./cifar10 local up && ./cifar10 deploy      the whole stack on this machine
  ./cifar10 submit quick                      train as a Batch job there, and follow it
  ./cifar10 models promote candidate          let the endpoint serve what was trained
  ./cifar10 classify photo.png                ask the endpoint
  ./cifar10 deploy --target aws               the same, in your AWS account`;

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('cifar10')
    .description('Train an image classifier with TensorFlow.js and serve it on AWS, or whole on this machine.')
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

/** Commander would end the process with 1 for bad arguments; ours is 2, and 1 means that the work itself failed. */
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
    process.stderr.write(`${pc.red('error')} This is a defect of cifar10, not of yours:\n`);
    console.error(error);
    process.exitCode = 1;
  }
}
