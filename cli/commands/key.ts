import { APIGatewayClient, GetApiKeyCommand } from '@aws-sdk/client-api-gateway';
import { Command } from 'commander';
import { explainInterruption } from '../stack/interruption.ts';
import { noKey, rotateKey } from '../stack/rotate-key.ts';
import {
  openTarget,
  type StackOutputs,
  stageOption,
  suffixOf,
  type Target,
  type TargetOptions,
  targetOption,
} from '../stack/target.ts';
import { step } from '../terminal/steps.ts';

export function keyCommand(): Command {
  return new Command('key')
    .description('Print the key that the endpoint asks for, and nothing else; stderr says which keys are valid.')
    .addOption(targetOption())
    .addOption(stageOption())
    .addHelpText('after', examples)
    .action(async (options: TargetOptions) => {
      const target = await openTarget(options);
      const stack = await target.stack();
      const key = await target.apiKey(stack);
      if (key === undefined) throw noKey(stack, target);
      const keys = await describeKeys(target, stack);
      process.stdout.write(`${key}\n`);
      process.stderr.write(keys);
    })
    .addCommand(rotateCommand());
}

const examples = `
On AWS no other command prints it. Whoever has it may classify, at your cost: keep it out of logs and
repositories. During a rotation the newer of the two valid keys is printed.

Examples:
  KEY="$(./cifar10 key --target aws)"
  curl -H "x-api-key: $KEY" --data-binary @photo.png <endpoint>/classify
  ./cifar10 key rotate --target aws            a second key; the first stays valid
  ./cifar10 key rotate --target aws --finish   the first is refused from now on`;

function rotateCommand(): Command {
  return new Command('rotate')
    .description('Replace the key without an outage: make a second one, and with --finish delete the first.')
    .addOption(targetOption())
    .addOption(stageOption())
    .option('--finish', 'delete the older of the two keys, when all callers have the newer')
    .addHelpText('after', rotation)
    .action(async (options: TargetOptions & { readonly finish?: true }) => {
      const target = await openTarget(options);
      const endWatch = explainInterruption(
        `CloudFormation finishes what it has begun. "./cifar10 key${suffixOf(target)}" says which keys are valid.`,
      );
      const what = options.finish ? 'finish the rotation' : 'begin the rotation';
      const stack = await step(what, (report) =>
        rotateKey(target, options.finish ? 'finish' : 'begin', report),
      ).finally(endWatch);
      process.stdout.write(await describeKeys(target, stack));
    });
}

const rotation = `
Both keys are valid until --finish. Nothing but the keys is changed, whatever this clone has, and a
deployment leaves them as they are. Policies that "./cifar10 policy" printed before name the first key
alone: print those of readers, submitters and operators again before you finish. The command may be interrupted: CloudFormation finishes what it has
begun, or takes it back, and "./cifar10 key" says which keys are valid.

Examples:
  ./cifar10 key rotate                then give "$(./cifar10 key)" to all callers
  ./cifar10 key rotate --finish`;

/** Which keys are valid, and since when, without the keys themselves. */
async function describeKeys(target: Target, { ApiKeyId = '', PreviousApiKeyId }: StackOutputs): Promise<string> {
  const gateway = new APIGatewayClient(target.clientConfig);
  const since = async (apiKey: string) => {
    const { createdDate } = await gateway.send(new GetApiKeyCommand({ apiKey }));
    return `${apiKey}, valid since ${createdDate?.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  };
  if (PreviousApiKeyId === undefined) return `The key ${await since(ApiKeyId)}. It is the only one.\n`;
  return [
    `The newer key ${await since(ApiKeyId)}: "./cifar10 key${suffixOf(target)}" prints it.`,
    `The older key ${await since(PreviousApiKeyId)}, until "./cifar10 key rotate${suffixOf(target)} --finish".`,
    '',
  ].join('\n');
}
