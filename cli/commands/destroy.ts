import { Command } from 'commander';
import { localStore, shownPath } from '#environment/home.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { listVersions } from '#models/versions.ts';
import { activeJobs, suffixOf } from '../batch/batch-jobs.ts';
import { protectedStack } from '../stack/delete-stack.ts';
import { type Deployed, destroy, findDeployed } from '../stack/destroy.ts';
import { explainInterruption } from '../stack/interruption.ts';
import type { StackState } from '../stack/stack-state.ts';
import {
  openTarget,
  type StackOutputs,
  stageOption,
  type Target,
  type TargetOptions,
  targetOption,
} from '../stack/target.ts';
import { confirm } from '../terminal/confirm.ts';
import { step } from '../terminal/steps.ts';

export function destroyCommand(): Command {
  return new Command('destroy')
    .description('Delete the stack. The bucket with the models stays, unless --delete-models is given.')
    .addOption(targetOption())
    .addOption(stageOption())
    .option('--delete-models', 'delete the bucket too, with every model, run and data set in it')
    .option('-y, --yes', 'do not ask for confirmation')
    .addHelpText('after', examples)
    .action(async (options: CommandOptions) => {
      const target = await openTarget(options);
      const found = await findDeployed(target);
      const { deleteModels = false } = options;
      if (!found.stack && !(deleteModels && found.bucket)) {
        process.stderr.write(describeNothing(target, found));
        return;
      }
      if (found.stack?.isProtected) throw protectedStack(target);
      const question = await describeLoss(target, found, deleteModels);
      const isFinal = target.name === 'aws' || deleteModels;
      if (!options.yes && isFinal && !(await confirm(question))) {
        process.stderr.write('Nothing was changed.\n');
        return;
      }
      explainInterruption(
        `CloudFormation continues with what it has begun. Run the same command again: it takes it up, also if the stack is gone by then.`,
      );
      await step('destroy the stack', (report) => destroy(target, found, { deleteModels, report }));
      process.stdout.write(describeRest(target, found, deleteModels));
    });
}

interface CommandOptions extends TargetOptions {
  readonly deleteModels?: true;
  readonly yes?: true;
}

const examples = `
On AWS, and before it deletes models, it asks for confirmation. On this machine --delete-models
also deletes the copies of the bucket's models, runs and promotions in this clone's store.

It works in any state of the stack, also after a deployment that failed or was interrupted, and can be
interrupted and repeated. --stage prod is protected: it says how to lift that. Without a stack,
--delete-models deletes the bucket that the last one left.

Examples:
  ./cifar10 destroy                                  on this machine
  ./cifar10 destroy --target aws                     in your AWS account; keeps the models
  ./cifar10 destroy --target aws --delete-models     deletes that as well
  ./cifar10 destroy --target aws --stage dev         one stage of several`;

function describeNothing(target: Target, { bucket }: Deployed): string {
  const kept = bucket
    ? ` The bucket ${bucket} with the models of the last one is still there: "./cifar10 destroy --delete-models${suffixOf(target)}" deletes it.`
    : '';
  return `The stack ${target.stackName} is not deployed: there is nothing to destroy.${kept}\n`;
}

async function describeLoss(target: Target, { stack, bucket }: Deployed, deleteModels: boolean): Promise<string> {
  const lines: string[] = [];
  if (stack) {
    const state = stack.status.endsWith('_COMPLETE') ? '' : ` The stack is in ${stack.status}.`;
    lines.push(`This deletes the endpoint and the training queues.${state}`);
    const jobs = await jobsToKill(target, stack);
    if (jobs > 0) lines.push(`${jobs} training jobs have not ended; they will be killed.`);
  }
  if (!bucket) return lines.join('\n');
  if (deleteModels) {
    const versions = await listVersions(await openObjectStore(`s3://${bucket}`, target.clientConfig));
    const copies = target.name === 'local' ? `, and so will their copies in ${shownPath(localStore)}` : '';
    lines.push(
      `The bucket ${bucket} will be deleted with ${versions.length} model versions${copies}. This cannot be undone.`,
    );
  } else {
    lines.push(`The bucket ${bucket} stays.`);
  }
  return lines.join('\n');
}

/** The number of jobs that have not ended; none where the stack was never whole, or has lost its queues. */
async function jobsToKill(target: Target, { status, outputs }: StackState): Promise<number> {
  if (!outputs.JobQueueArn || /^DELETE_/.test(status)) return 0;
  return (await activeJobs(target, outputs as unknown as StackOutputs)).length;
}

function describeRest(target: Target, { bucket }: Deployed, deleteModels: boolean): string {
  const lines: string[] = [];
  if (bucket && !deleteModels) {
    lines.push(`The bucket ${bucket} with its models stays. The next deployment creates a new one.`);
  }
  if (target.name === 'aws') {
    lines.push('What CDK keeps for all stacks of the account stays: the stack CDKToolkit, uploads and images.');
  }
  return lines.map((line) => `${line}\n`).join('');
}
