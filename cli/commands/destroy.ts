import { DeleteBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Command } from 'commander';
import { UserError } from '#errors/user-error.ts';
import { trainingImage } from '#local/training-image.ts';
import { listVersions } from '#models/versions.ts';
import { activeJobs } from '../batch/batch-jobs.ts';
import { runCdk } from '../stack/cdk.ts';
import { emptyBucket } from '../stack/empty-bucket.ts';
import { stackFailures } from '../stack/stack-failures.ts';
import { describeCdkLine } from '../stack/stack-progress.ts';
import {
  openTarget,
  type StackOutputs,
  stackName,
  type Target,
  type TargetName,
  targetOption,
} from '../stack/target.ts';
import { confirm } from '../terminal/confirm.ts';
import { step, type Tell } from '../terminal/steps.ts';

/**
 * Takes the stack down.
 *
 * @param options.deleteModels the bucket too, with all that is in it. @default it stays
 * @throws {UserError} it is not deployed, or something of it cannot be deleted
 */
export async function destroy(
  target: Target,
  { deleteModels = false, tell = () => {} }: { readonly deleteModels?: boolean; readonly tell?: Tell } = {},
): Promise<void> {
  const { BucketName: bucket } = await target.stack();
  const s3 = new S3Client(target.clientConfig);
  // First what may fail while the stack can still tell the bucket's name: whatever happens, this can be done again.
  if (deleteModels) await emptyBucket(s3, bucket, (deleted) => tell(`${deleted} objects deleted`));
  tell('synthesize the template');
  await runCdk(target, ['destroy', stackName, ...destroyArguments], (line) => {
    const description = describeCdkLine(line);
    if (description) tell(description);
  }).catch(async (error: unknown) => {
    const failures = await stackFailures(target).catch(() => []);
    if (failures.length === 0) throw error;
    throw new UserError(`The stack was not destroyed:\n${failures.map((each) => `  ${each}`).join('\n')}`, {
      cause: error,
    });
  });
  // A job that ran to the end of the stack may have written since.
  if (deleteModels) {
    await emptyBucket(s3, bucket);
    await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
  }
}

export function destroyCommand(): Command {
  return new Command('destroy')
    .description('Take the stack down; the bucket with the models stays unless you say otherwise.')
    .addOption(targetOption())
    .option('--delete-models', 'also delete the bucket with every model, run and data set in it')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples)
    .action(async (options: CommandOptions) => {
      const target = await openTarget(options.target);
      const stack = await target.stack();
      const { deleteModels = false } = options;
      const question = await whatGoes(target, stack, deleteModels);
      if (!options.yes && target.name === 'aws' && !(await confirm(question))) {
        process.stderr.write('Nothing was changed.\n');
        return;
      }
      await step('destroy the stack', (tell) => destroy(target, { deleteModels, tell }));
      process.stdout.write(whatStays(target, stack, deleteModels));
    });
}

interface CommandOptions {
  readonly target: TargetName;
  readonly deleteModels?: true;
  readonly yes?: true;
}

const examples = `
On AWS it asks before it changes anything.

Examples:
  ./cifar10 destroy                                  on this machine
  ./cifar10 destroy --target aws                     in your AWS account; the bucket with the models stays
  ./cifar10 destroy --target aws --delete-models     nothing of the stack stays`;

async function whatGoes(target: Target, stack: StackOutputs, deleteModels: boolean): Promise<string> {
  const jobs = await activeJobs(target, stack);
  const lines = ['This takes down the endpoint and the training queue.'];
  if (jobs.length > 0) lines.push(`${jobs.length} training jobs have not ended; they are killed.`);
  if (deleteModels) {
    const versions = await listVersions(await target.store());
    lines.push(`The bucket ${stack.BucketName} is deleted with ${versions.length} model versions, for ever.`);
  } else {
    lines.push(`The bucket ${stack.BucketName} stays.`);
  }
  return lines.join('\n');
}

function whatStays(target: Target, stack: StackOutputs, deleteModels: boolean): string {
  const lines: string[] = [];
  if (!deleteModels) {
    lines.push(`The bucket ${stack.BucketName} with its models stays; the next deployment makes a new one.`);
  }
  if (target.name === 'aws') {
    lines.push('What CDK keeps in the account for all of its stacks stays: the stack CDKToolkit, uploads and images.');
  }
  return lines.map((line) => `${line}\n`).join('');
}

const destroyArguments = [
  ...['--force', '--progress', 'events'],
  // Any image will do: none is built or pulled to delete a stack.
  ...['--context', `trainingImage=${trainingImage}`],
];
