import { Command, CommanderError } from 'commander';
import { handleClosedOutput } from '#errors/closed-output.ts';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import { homeFolder } from '#setup/home.mjs';
import { evaluateCommand } from '#training/commands/evaluate.ts';
import { trainCommand } from '#training/commands/train.ts';
import { shardsCommand } from './shards-command.ts';

handleClosedOutput();
// A user id without a name has no home folder, and the AWS SDK asks for one.
process.env.HOME ||= homeFolder();

/** The container's entry point: the commands that a job needs. */
const program = new Command('jobs')
  .description('Train an image classifier, measure it, and work through shards of a plan.')
  .addCommand(trainCommand())
  .addCommand(evaluateCommand())
  .addCommand(shardsCommand());
for (const command of [program, ...program.commands]) command.exitOverride();

try {
  await program.parseAsync();
} catch (thrown) {
  const error = systemError(thrown) ?? thrown;
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 || error.code === 'commander.help' ? 0 : 2;
  } else if (error instanceof UserError) {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else {
    console.error(error);
    process.exitCode = 1;
  }
}
