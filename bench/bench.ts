import { Command, CommanderError } from 'commander';
import { UserError } from '#errors/user-error.ts';

/** `npm run bench -- <what>`: each measures us and our peers in one run, on this machine, and writes `results/`. */
const program = new Command('npm run bench --')
  .description('Measure this project against its peers, in one run on this machine.')
  .addCommand(
    new Command('train')
      .description('Images a second of the seed network: a graph written in TypeScript, Keras fit, PyTorch.')
      .option('--rounds <number>', 'how often each is measured, taking turns', Number, 7)
      .option('--steps <number>', 'training steps a round, of 64 images each', Number, 150)
      .action(async (options) => (await import('./train.ts')).benchmarkTraining(options)),
  )
  .addCommand(
    new Command('serve')
      .description('Milliseconds an image against ONNX Runtime and TensorFlow.js, cold start, requests a second.')
      .option('--rounds <number>', 'how often each engine is measured, taking turns', Number, 7)
      .option('--requests <number>', 'requests to the server', Number, 100_000)
      .action(async (options) => (await import('./serve.ts')).benchmarkServing(options)),
  );
for (const command of [program, ...program.commands]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 || error.code === 'commander.help' ? 0 : 2;
  else if (error instanceof UserError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else throw error;
}
