import { DeleteBucketCommand, HeadBucketCommand, NotFound, S3Client } from '@aws-sdk/client-s3';
import type { Report } from '../terminal/steps.ts';
import { bucketOfStack, deleteStack, lastDeletedStack, protectedStack } from './delete-stack.ts';
import { emptyBucket } from './empty-bucket.ts';
import { readStackState, type StackState } from './stack-state.ts';
import type { Target } from './target.ts';

/** What `destroy` finds, and may delete. */
export interface Deployed {
  /** In any state; `undefined` where there is none. */
  readonly stack: StackState | undefined;
  /** The bucket with the models: the stack's, or the one that the stack deleted last has left. */
  readonly bucket: string | undefined;
}

/** Finds the stack in whatever state it is, also after a creation, a deployment or a deletion that failed or was interrupted. */
export async function findDeployed(target: Target): Promise<Deployed> {
  const stack = await readStackState(target.clientConfig, target.stackName);
  const id = stack?.id ?? (await lastDeletedStack(target));
  const bucket = stack?.outputs.BucketName ?? (id && (await bucketOfStack(target, id)));
  return { stack, bucket: bucket && (await exists(target, bucket)) ? bucket : undefined };
}

/**
 * Deletes the stack. It may be interrupted, and called again.
 *
 * @param found what there is to delete
 * @param options.deleteModels the bucket too, with all that is in it. @default keep it
 * @throws {UserError} the stack is protected, or a resource cannot be deleted
 */
export async function destroy(
  target: Target,
  { stack, bucket }: Deployed,
  { deleteModels = false, report = () => {} }: { readonly deleteModels?: boolean; readonly report?: Report } = {},
): Promise<void> {
  // Nothing is deleted of a stack that stays.
  if (stack?.isProtected) throw protectedStack(target);
  const s3 = new S3Client(target.clientConfig);
  const empty = async (name: string) => emptyBucket(s3, name, (deleted) => report(`${deleted} objects deleted`));
  // The bucket first: this may fail, or take long, and the stack still names it then.
  if (deleteModels && bucket) await empty(bucket);
  if (stack) await deleteStack(target, stack, report);
  // A job that was running while the stack was deleted may have written to it.
  if (deleteModels && bucket && (await exists(target, bucket))) {
    await empty(bucket);
    await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
  }
}

async function exists(target: Target, bucket: string): Promise<boolean> {
  try {
    await new S3Client(target.clientConfig).send(new HeadBucketCommand({ Bucket: bucket }));
    return true;
  } catch (error) {
    if (error instanceof NotFound) return false;
    throw error;
  }
}
