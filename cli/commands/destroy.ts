import { Command } from 'commander';
import { localStore, shownPath } from '#environment/home.ts';
import { listVersions } from '#models/versions.ts';
import { activeJobs } from '../batch/batch-jobs.ts';
import { destroy } from '../stack/destroy.ts';
import { openTarget, type StackOutputs, type Target, type TargetName, targetOption } from '../stack/target.ts';
import { confirm } from '../terminal/confirm.ts';
import { step } from '../terminal/steps.ts';

export function destroyCommand(): Command {
  return new Command('destroy')
    .description('Delete the stack. The bucket with the models stays, unless --delete-models is given.')
    .addOption(targetOption())
    .option('--delete-models', 'delete the bucket too, with every model, run and data set in it')
    .option('-y, --yes', 'do not ask for confirmation')
    .addHelpText('after', examples)
    .action(async (options: CommandOptions) => {
      const target = await openTarget(options.target);
      const stack = await target.stack();
      const { deleteModels = false } = options;
      const question = await describeLoss(target, stack, deleteModels);
      const isFinal = target.name === 'aws' || deleteModels;
      if (!options.yes && isFinal && !(await confirm(question))) {
        process.stderr.write('Nothing was changed.\n');
        return;
      }
      await step('destroy the stack', (report) => destroy(target, { deleteModels, report }));
      process.stdout.write(describeRest(target, stack, deleteModels));
    });
}

interface CommandOptions {
  readonly target: TargetName;
  readonly deleteModels?: true;
  readonly yes?: true;
}

const examples = `
On AWS, and before it deletes models, it asks for confirmation. On this machine --delete-models
also deletes the copies of the bucket's models, runs and promotions in this clone's store.

Examples:
  ./cifar10 destroy                                  on this machine
  ./cifar10 destroy --target aws                     in your AWS account; keeps the models
  ./cifar10 destroy --target aws --delete-models     deletes that as well`;

async function describeLoss(target: Target, stack: StackOutputs, deleteModels: boolean): Promise<string> {
  const jobs = await activeJobs(target, stack);
  const lines = ['This deletes the endpoint and the training queue.'];
  if (jobs.length > 0) lines.push(`${jobs.length} training jobs have not ended; they will be killed.`);
  if (deleteModels) {
    const versions = await listVersions(await target.store());
    const copies = target.name === 'local' ? `, and so will their copies in ${shownPath(localStore)}` : '';
    lines.push(
      `The bucket ${stack.BucketName} will be deleted with ${versions.length} model versions${copies}. This cannot be undone.`,
    );
  } else {
    lines.push(`The bucket ${stack.BucketName} stays.`);
  }
  return lines.join('\n');
}

function describeRest(target: Target, stack: StackOutputs, deleteModels: boolean): string {
  const lines: string[] = [];
  if (!deleteModels) {
    lines.push(`The bucket ${stack.BucketName} with its models stays. The next deployment creates a new one.`);
  }
  if (target.name === 'aws') {
    lines.push('What CDK keeps for all stacks of the account stays: the stack CDKToolkit, uploads and images.');
  }
  return lines.map((line) => `${line}\n`).join('');
}
