import { DeleteBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { UserError } from '#errors/user-error.ts';
import { trainingImage } from '#local/training-image.ts';
import type { Report } from '../terminal/steps.ts';
import { runCdk } from './cdk.ts';
import { emptyBucket } from './empty-bucket.ts';
import { stackFailures } from './stack-failures.ts';
import { describeCdkLine } from './stack-progress.ts';
import { stackName, type Target } from './target.ts';

/**
 * Deletes the stack.
 *
 * @param options.deleteModels the bucket too, with all that is in it. @default keep it
 * @throws {UserError} it is not deployed, or a resource cannot be deleted
 */
export async function destroy(
  target: Target,
  { deleteModels = false, report = () => {} }: { readonly deleteModels?: boolean; readonly report?: Report } = {},
): Promise<void> {
  const { BucketName: bucket } = await target.stack();
  const s3 = new S3Client(target.clientConfig);
  // The bucket first, while the stack's outputs still name it: if this fails, the command can be run again.
  if (deleteModels) await emptyBucket(s3, bucket, (deleted) => report(`${deleted} objects deleted`));
  report('synthesize the template');
  await runCdk(target, ['destroy', stackName, ...destroyArguments], (line) => {
    const description = describeCdkLine(line);
    if (description) report(description);
  }).catch(async (error: unknown) => {
    const failures = await stackFailures(target).catch(() => []);
    if (failures.length === 0) throw error;
    throw new UserError(`The stack was not destroyed:\n${failures.map((each) => `  ${each}`).join('\n')}`, {
      cause: error,
    });
  });
  // A job that was running while the stack was deleted may have written to it.
  if (deleteModels) {
    await emptyBucket(s3, bucket);
    await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
  }
}

const destroyArguments = [
  ...['--force', '--progress', 'events'],
  // Any image will do: deleting a stack builds and pulls none.
  ...['--context', `trainingImage=${trainingImage}`],
];
