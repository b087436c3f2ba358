import { CommanderError } from 'commander';
import pc from 'picocolors';
import { variable } from '#environment/variables.ts';
import { UserError } from '#errors/user-error.ts';
import { runProgram } from './program.ts';
import { BadArguments, explainBadArguments } from './terminal/bad-arguments.ts';

// The pinned AWS SDK runs on Node 20; without this, every command warns that its releases of 2027 will not.
process.env[variable.nodeSupportWarning] ??= 'true';

// The reader of the output may close it early, as "head" does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await runProgram(process.argv.slice(2));
} catch (error) {
  if (error instanceof CommanderError) {
    // Help or the version, which it has printed.
  } else if (error instanceof UserError) {
    const message = error instanceof BadArguments ? await explainBadArguments(error) : error.message;
    process.stderr.write(`${pc.red('error')} ${message}\n`);
    process.exitCode = error.exitCode;
  } else {
    process.stderr.write(`${pc.red('error')} Internal error in cifar10 (please report it):\n`);
    console.error(error);
    process.exitCode = 1;
  }
}
