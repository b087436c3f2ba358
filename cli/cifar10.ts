import { CommanderError } from 'commander';
import pc from 'picocolors';
import { variable } from '#environment/variables.ts';
import { handleClosedOutput } from '#errors/closed-output.ts';
import { homeFolder } from '#setup/home.mjs';
import { exceptThisMachine } from '#setup/proxy.mjs';
import { runProgram } from './program.ts';
import { explainError } from './stack/explain-error.ts';
import type { TargetName } from './stack/target.ts';
import { BadArguments, explainBadArguments } from './terminal/bad-arguments.ts';

// The pinned AWS SDK runs on Node 20; without this, every command warns that its releases of 2027 will not.
process.env[variable.nodeSupportWarning] ??= 'true';

// A user id without a name, as in a container, has no home folder, and the AWS SDK and CDK ask for one.
process.env.HOME ||= homeFolder();

// A proxy is for other machines: LocalStack and "serve" are on this one.
Object.assign(process.env, exceptThisMachine(process.env));

handleClosedOutput();

/** The target of the command that was called. */
let target: TargetName = 'local';

try {
  await runProgram(process.argv.slice(2), (command) => {
    target = command.opts().target ?? target;
  });
} catch (error) {
  const explained = await explainError(error, target);
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
