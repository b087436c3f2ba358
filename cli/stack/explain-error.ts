import { variable } from '#environment/variables.ts';
import { systemError } from '#errors/system-error.ts';
import { UserError } from '#errors/user-error.ts';
import type { TargetName } from './target.ts';

/**
 * What a command threw, as an error that its user can fix.
 *
 * @param target of the command; one that has none may use LocalStack
 * @returns `undefined` for a defect of this program
 */
export async function explainError(error: unknown, target: TargetName): Promise<UserError | undefined> {
  const isOfCloud = error instanceof Error && ('$metadata' in error || /Provider/.test(error.name) || 'cause' in error);
  if (!isOfCloud) return error instanceof UserError ? error : systemError(error);
  // Loaded where it may be needed: it brings the whole of LocalStack's side.
  const gone = (await import('./local-stack-gone.ts')).localStackGone(error, target === 'aws');
  if (gone) return gone;
  if (error instanceof UserError && !isRefusalOfStore(error)) return error;
  return (await explainAws(error, target)) ?? (error instanceof UserError ? error : systemError(error));
}

/** A store says that S3 refuses it, but not as whom. S3 answers 400 to credentials that have expired. */
function isRefusalOfStore({ message, cause }: UserError): boolean {
  const { $metadata } = (cause ?? {}) as { readonly $metadata?: { readonly httpStatusCode?: number } };
  return message.includes('s3://') && [400, 403].includes($metadata?.httpStatusCode ?? 0);
}

async function explainAws(error: Error, target: TargetName): Promise<UserError | undefined> {
  const isAws = target === 'aws' || process.env[variable.endpoint] === undefined;
  if (!isAws) return undefined;
  const { awsFailure } = await import('./aws-failure.ts');
  const { awsRegion } = await import('./aws-settings.ts');
  return awsFailure(error, await awsRegion().catch(() => undefined));
}
