import { CommanderError } from 'commander';
import pc from 'picocolors';
import { variable } from '#environment/variables.ts';
import { handleClosedOutput } from '#errors/closed-output.ts';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import { runProgram } from './program.ts';
import { BadArguments, explainBadArguments } from './terminal/bad-arguments.ts';

// The pinned AWS SDK runs on Node 20; without this, every command warns that its releases of 2027 will not.
process.env[variable.nodeSupportWarning] ??= 'true';

handleClosedOutput();

/** The target of the command that was called; one that has none may use LocalStack. */
let target = 'local';

try {
  await runProgram(process.argv.slice(2), (command) => {
    target = command.opts().target ?? target;
  });
} catch (error) {
  const explained = await forUser(error);
  if (error instanceof CommanderError) {
    // Help or the version, which it has printed.
  } else if (explained) {
    const message = explained instanceof BadArguments ? await explainBadArguments(explained) : explained.message;
    process.stderr.write(`${pc.red('error')} ${message}\n`);
    process.exitCode = explained.exitCode;
  } else {
    process.stderr.write(`${pc.red('error')} Internal error in cifar10 (please report it):\n`);
    console.error(error);
    process.exitCode = 1;
  }
}

/** The error as one that the user can fix; `undefined` for a defect of this program. */
async function forUser(error: unknown): Promise<UserError | undefined> {
  const isOfAws = error instanceof Error && ('$metadata' in error || error.cause !== undefined);
  // Loaded where it may be needed: it brings the whole of LocalStack's side.
  const gone = isOfAws && (await import('./stack/local-stack-gone.ts')).localStackGone(error, target === 'aws');
  if (gone) return gone;
  return error instanceof UserError ? error : systemError(error);
}
