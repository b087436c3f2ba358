import { UserError } from '#errors/user-error.ts';
import type { Report } from '../terminal/steps.ts';
import { bootstrapCdk } from './cdk.ts';
import { stackFailures } from './stack-failures.ts';
import { readStackState, type StackState, untilStable } from './stack-state.ts';
import type { Target } from './target.ts';

/** The stack with what CDK needs in an account and region: a bucket, a registry and roles. */
const toolkit = 'CDKToolkit';

/** The version that templates of this CDK ask for. @see https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html */
const leastVersion = 6;

/**
 * Sees to it that CDK can deploy to the account and region.
 *
 * @throws {UserError} it is there in a version that is too old, which other projects may rely on, or it cannot be created
 */
export async function ensureBootstrap(target: Target, report: Report): Promise<void> {
  const state = await untilStable(target.clientConfig, toolkit, ({ status }) =>
    report(`wait for ${toolkit}: ${status}`),
  );
  const environment = `aws://${target.account}/${target.region}`;
  if (bootstrapVersion(target, state) !== undefined) return;
  report('prepare the account for CDK');
  try {
    await bootstrapCdk(target, environment);
  } catch (error) {
    const failures = await stackFailures(target, toolkit).catch(() => []);
    if (failures.length === 0) throw error;
    const bucket = `cdk-hnb659fds-assets-${target.account}-${target.region}`;
    const isLeft = failures.some((failure) => failure.includes(bucket) && /exists/.test(failure));
    const lines = [
      `The account was not prepared for CDK ("cdk bootstrap ${environment}"):`,
      ...failures.map((failure) => `  ${failure}`),
      ...(isLeft ? [`An earlier ${toolkit} has left that bucket. Delete it: aws s3 rb s3://${bucket} --force`] : []),
    ];
    throw new UserError(lines.join('\n'), { cause: error });
  }
}

/**
 * @returns the version of what CDK keeps in the account and region; `undefined` where it is to be created
 * @throws {UserError} it is too old
 */
export async function readBootstrapVersion(target: Target): Promise<number | undefined> {
  return bootstrapVersion(target, await readStackState(target.clientConfig, toolkit));
}

function bootstrapVersion({ account, region }: Target, state: StackState | undefined): number | undefined {
  if (!/^(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE$/.test(state?.status ?? '')) return undefined;
  const version = Number(state?.outputs.BootstrapVersion);
  if (version >= leastVersion) return version;
  const environment = `aws://${account}/${region}`;
  throw new UserError(
    `What CDK keeps in ${environment} (the stack ${toolkit}) has version ${version}, and this project needs ${leastVersion} or newer. All CDK projects of the account share it, so update it yourself: npx cdk bootstrap ${environment}`,
  );
}
