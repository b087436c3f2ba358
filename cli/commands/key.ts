import { Command } from 'commander';
import { UserError } from '#errors/user-error.ts';
import { openTarget, stageOption, type TargetOptions, targetOption } from '../stack/target.ts';

export function keyCommand(): Command {
  return new Command('key')
    .description('Print the key that the endpoint asks for, and nothing else.')
    .addOption(targetOption())
    .addOption(stageOption())
    .addHelpText('after', examples)
    .action(async (options: TargetOptions) => {
      const target = await openTarget(options);
      const key = await target.apiKey(await target.stack());
      if (key === undefined) {
        throw new UserError('The endpoint asks for no key: it was deployed with --auth none.');
      }
      process.stdout.write(`${key}\n`);
    });
}

const examples = `
On AWS no other command prints it. Whoever has it may classify, at your cost: keep it out of logs and
repositories.

Examples:
  KEY="$(./cifar10 key --target aws)"
  curl -H "x-api-key: $KEY" --data-binary @photo.png <endpoint>/classify`;
