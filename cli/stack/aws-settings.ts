import { GetCallerIdentityCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { UserError } from '#errors/user-error.ts';

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

const UNREACHABLE = /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE)$/;
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

/**
 * The number of the account that the user is signed in to.
 *
 * @throws {UserError} AWS does not say it; the message says why, and what to do
 */
export async function awsAccount(config: STSClientConfig & { readonly region: string }): Promise<string> {
  const identity = await new STSClient(config).send(new GetCallerIdentityCommand()).catch((error: Error) => {
    throw awsFailure(error, config.region);
  });
  return identity.Account ?? '';
}

/** Why AWS did not say who the user is, and what to do. */
function awsFailure(error: Error, region: string): UserError {
  if (error instanceof UserError) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  const profile = process.env.AWS_PROFILE;
  const signIn = `Sign in, for example with "aws sso login${profile ? ` --profile ${profile}` : ''}".`;
  const explain = (text: string) => new UserError(text, { cause: error });
  if (UNREACHABLE.test(code) || error.name === 'TimeoutError') {
    return explain(
      `AWS cannot be reached in region ${region} (${error.message || code}). Check the network and the name of the region; behind a proxy, set HTTPS_PROXY.`,
    );
  }
  if (UNTRUSTED.test(code)) {
    return explain(
      `The certificate of AWS is not trusted (${error.message}). If a proxy of your network reads the traffic, set NODE_EXTRA_CA_CERTS to the file of its certificate.`,
    );
  }
  if (error.name === 'CredentialsProviderError' && !/expired|invalid/i.test(error.message)) {
    const missing = profile
      ? `The AWS profile ${JSON.stringify(profile)} of AWS_PROFILE has no credentials, or does not exist`
      : 'There are no AWS credentials';
    return explain(
      `${missing} (${error.message}). Set AWS_PROFILE to one of those that "aws configure list-profiles" lists, or sign in, for example with "aws sso login".`,
    );
  }
  if (/^Expired|^RequestExpired|TokenProviderError/.test(error.name) || /expired/i.test(error.message)) {
    return explain(`Your AWS credentials have expired (${error.message}). ${signIn}`);
  }
  return explain(`AWS does not accept your credentials (${error.message}). ${signIn}`);
}
