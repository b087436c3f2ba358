import { Command, CommanderError, Option } from 'commander';
import { UserError } from '#errors/user-error.ts';
import { parseServingParts, servingParts } from './serving-parts.ts';
import { netNames } from './train/cases.ts';

/** `npm run bench -- <what>`: each measures us and our peers in one run, on this machine, and writes `results/`. */
const program = new Command('npm run bench --')
  .description('Measure this project against its peers, in one run on this machine.')
  .addCommand(
    new Command('train')
      .description(
        'Images a second of training steps, and their share of the peak: us, PyTorch, Keras fit. About 10 minutes.',
      )
      .option('--nets <names...>', `which nets: ${netNames.join(', ')} (default: all)`)
      .option('--batch <images>', "images a step (default: the nets' own, 512, and 64 too for seed)", Number)
      .option('--rounds <number>', 'how often each is measured, taking turns', Number, 5)
      .option('--seconds <number>', 'how long each is measured in a round', Number, 1.5)
      .option('--profile', 'print where the time of our steps goes, by kernel', false)
      .addHelpText(
        'after',
        `
Examples:
  npm run bench -- train                                   every net
  npm run bench -- train --nets 32-64-64 --profile         one net, and where its time goes
  npm run bench -- train --nets seed --batch 64 --rounds 3`,
      )
      .action(async ({ nets = [], ...options }) =>
        (await import('./train/benchmark.ts')).benchmarkTraining({ nets, ...options }),
      ),
  )
  .addCommand(
    new Command('serve')
      .description(
        'Milliseconds an image against ONNX Runtime and TensorFlow.js, cold start, requests a second. About 8 minutes.',
      )
      .addOption(
        new Option('--parts <names>', `which, with commas between: ${servingParts.join(', ')}`)
          .argParser(parseServingParts)
          .default(servingParts, 'all'),
      )
      .option('--rounds <number>', 'how often each engine is measured, taking turns', Number, 7)
      .option('--requests <number>', 'requests to the server', Number, 100_000)
      .addHelpText(
        'after',
        `
Examples:
  npm run bench -- serve                                     all of it
  npm run bench -- serve --parts predictions --rounds 3      the networks alone, against their peers
  npm run bench -- serve --parts handler,load --requests 10000`,
      )
      .action(async (options) => (await import('./serve.ts')).benchmarkServing(options)),
  )
  .addCommand(
    new Command('fuzz')
      .description('Damaged pictures, and then Schemathesis, against "cifar10 serve"; counts by what was answered.')
      .option('--count <number>', 'damaged pictures of each format', Number, 10_000)
      .option('--examples <number>', 'requests of Schemathesis for each operation and phase', Number, 200)
      .option('--seed <number>', 'of what is made up', Number, 1)
      .action(async (options) => (await import('./fuzz.ts')).benchmarkFuzzing(options)),
  )
  .addCommand(
    new Command('changes')
      .description(
        '"cifar10 serve" under load while the alias moves: requests lost, and how long an old model answers.',
      )
      .option('--moves <number>', 'how often the alias moves, 13 s apart on average', Number, 20)
      .action(async (options) => (await import('./changes.ts')).benchmarkChanges(options)),
  )
  .addCommand(
    new Command('resume')
      .description('End training runs at random moments, and compare what comes of them with one that was left alone.')
      .option('--kills <number>', 'how often a process is ended', Number, 100)
      .option('--seed <number>', 'of the moments', Number, 1)
      .action(async (options) => (await import('./resume.ts')).benchmarkResuming(options)),
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
