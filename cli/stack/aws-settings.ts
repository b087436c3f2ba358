import { GetCallerIdentityCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { UserError } from '#errors/user-error.ts';
import { awsFailure } from './aws-failure.ts';

/** Such as `eu-west-1`, `us-gov-east-1` and `us-iso-east-1`. */
const REGION = /^[a-z]{2,4}(-[a-z]+)+-\d+$/;

/** Removes blanks around the values of this process's AWS variables, and those without a value: none of them means anything. */
export function cleanAwsVariables(): void {
  for (const [name, value = ''] of Object.entries(process.env)) {
    if (!name.startsWith('AWS_')) continue;
    if (value.trim() === '') delete process.env[name];
    else process.env[name] = value.trim();
  }
}

/**
 * Lets the AWS SDK, and CDK, repeat a request that AWS throttles or fails to answer for about eight seconds more than by
 * default, unless the user has set how often: somebody who waits for a deployment can wait for that.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
 */
export function retryPatiently(): void {
  process.env.AWS_MAX_ATTEMPTS ??= '6';
}

/**
 * The region of AWS_REGION, of AWS_DEFAULT_REGION, or of the profile.
 *
 * @throws {UserError} none is set, or it cannot be one
 */
export async function awsRegion(): Promise<string> {
  const name = ['AWS_REGION', 'AWS_DEFAULT_REGION'].find((each) => process.env[each]);
  const region = name ? process.env[name] : await profileRegion();
  if (region === undefined) {
    const profile = process.env.AWS_PROFILE;
    const where = profile ? `, and none in the profile ${JSON.stringify(profile)} of AWS_PROFILE` : '';
    throw new UserError(`No AWS region is set${where}. Set AWS_REGION, as in "export AWS_REGION=eu-west-1".`);
  }
  if (REGION.test(region)) return region;
  throw new UserError(
    `${JSON.stringify(region)} in ${name ?? 'the AWS profile'} is not the name of a region. Set one such as eu-west-1.`,
  );
}

async function profileRegion(): Promise<string | undefined> {
  try {
    return (await new STSClient({}).config.region()).trim();
  } catch {
    return undefined;
  }
}

/**
 * The number of the account that the user is signed in to.
 *
 * @throws {UserError} AWS does not say it; the message says why, and what to do
 */
export async function awsAccount(config: STSClientConfig & { readonly region: string }): Promise<string> {
  const identity = await new STSClient(config).send(new GetCallerIdentityCommand()).catch((error: Error) => {
    throw awsFailure(error, config.region) ?? error;
  });
  return identity.Account ?? '';
}
