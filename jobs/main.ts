import { Command, CommanderError } from 'commander';
import { handleClosedOutput } from '#errors/closed-output.ts';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import { homeFolder } from '#setup/home.mjs';

handleClosedOutput();
// A user id without a name has no home folder, and the AWS SDK asks for one.
process.env.HOME ||= homeFolder();

/** Each is loaded when it is asked for: a child with a small share of a plan should begin soon. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  train: async () => (await import('#training/commands/train.ts')).trainCommand(),
  evaluate: async () => (await import('#training/commands/evaluate.ts')).evaluateCommand(),
  shards: async () => (await import('./shards-command.ts')).shardsCommand(),
};

/** The container's entry point: the commands that a job needs. */
const program = new Command('jobs').description(
  'Train an image classifier, measure it, and work through shards of a plan.',
);
const asked = commands[process.argv[2] ?? ''];
for (const load of asked === undefined ? Object.values(commands) : [asked]) program.addCommand(await load());
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
