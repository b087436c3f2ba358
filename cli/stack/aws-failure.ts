import { UserError } from '#errors/user-error.ts';

/** What AWS's SDK throws: a refusal by AWS, or a failure of the connection. */
type AwsError = Error & {
  /** Of the system. */
  readonly code?: string;
  readonly $metadata?: {
    readonly httpStatusCode?: number;
    readonly requestId?: string;
    /** How often the request was sent. */
    readonly attempts?: number;
  };
};

const UNREACHABLE = /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE)$/;
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

/**
 * The names under which AWS's services refuse a request. Each protocol has names of its own for the same reason.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html (query protocol; CloudFormation, too)
 * @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html (JSON)
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
const names = {
  expired: /^(ExpiredToken|ExpiredTokenException|TokenRefreshRequired|TokenProviderError)$/,
  clock: /^(RequestTimeTooSkewed|RequestExpired|RequestInTheFuture)$/,
  credentials:
    /^(InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|AuthFailure|InvalidToken|SignatureDoesNotMatch|InvalidSignatureException|IncompleteSignature|MissingAuthenticationToken(Exception)?|InvalidSecurity)$/,
  rights: /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|NotAuthorized|Forbidden|AllAccessDisabled)$/,
  account: /^(OptInRequired|SubscriptionRequiredException|RegionDisabledException|NotSignedUp|AccountProblem)$/,
  region: /^(PermanentRedirect|TemporaryRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/,
  throttled:
    /^(Throttling|ThrottlingException|ThrottledException|RequestThrottled(Exception)?|TooManyRequestsException|RequestLimitExceeded|SlowDown)$/,
} as const;

/** A signature is refused for its age as well: AWS then names both times. */
const AGE_OF_SIGNATURE = /signature (expired|not yet current)/i;

/**
 * Why AWS cannot be used, as sentences for its user: who was refused, in which region, what AWS said, and what to do.
 *
 * @param error of the AWS SDK, or an error that it has caused
 * @param region that was asked; `undefined` where it is not known
 * @returns `undefined` for an error that is not of AWS
 */
export function awsFailure(error: unknown, region: string | undefined): UserError | undefined {
  const cause = awsErrorIn(error);
  const message = cause && explain(cause, region);
  if (message === undefined) return undefined;
  // An error of a store names the bucket, which S3's own error does not.
  const [bucket] = error !== cause && error instanceof UserError ? (/s3:\/\/[\w.-]+/.exec(error.message) ?? []) : [];
  return new UserError(bucket === undefined ? message : `${bucket}: ${message}`, { cause: error });
}

/** Whether AWS refused a request because there were too many. */
export function isThrottled({ name, $metadata }: AwsError): boolean {
  return names.throttled.test(name) || $metadata?.httpStatusCode === 429;
}

/** The error of the SDK in a chain of causes. */
function awsErrorIn(error: unknown): AwsError | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ('$metadata' in each || /^(CredentialsProviderError|TokenProviderError)$/.test(each.name)) return each;
  }
  return undefined;
}

function explain(error: AwsError, region: string | undefined): string | undefined {
  const { name, code = '', $metadata: { httpStatusCode: status = 0, attempts = 1, requestId } = {} } = error;
  const text = said(error);
  const inRegion = region === undefined ? '' : ` in region ${region}`;
  const credentials = `credentials (${[whose(), region && `region ${region}`].filter(Boolean).join(', ')})`;
  const times = attempts === 1 ? '' : `, ${attempts} times in a row`;
  if (UNREACHABLE.test(code) || name === 'TimeoutError') {
    return `AWS cannot be reached${inRegion} (${text}). Check the network and the name of the region; behind a proxy, set HTTPS_PROXY.`;
  }
  if (UNTRUSTED.test(code)) {
    return `The certificate of AWS is not trusted (${text}). If a proxy of your network reads the traffic, set NODE_EXTRA_CA_CERTS to the file of its certificate.`;
  }
  if (name === 'CredentialsProviderError' && !/expired|invalid/i.test(text)) return missing(text);
  if (names.clock.test(name) || AGE_OF_SIGNATURE.test(text)) {
    return `AWS refuses what this machine signs, because its clock is wrong: ${text}. Set the clock, for example with "sudo timedatectl set-ntp true", and run the command again.`;
  }
  if (names.expired.test(name) || /\bexpired\b/i.test(text)) {
    return `Your AWS ${credentials} have expired: ${text}. ${signIn()}`;
  }
  if (names.credentials.test(name) || name === 'CredentialsProviderError') {
    return `AWS does not accept your ${credentials}: ${text}. ${signIn()} "aws configure list" shows which are used. A region that the account has not enabled refuses all.`;
  }
  if (names.account.test(name)) {
    return `AWS does not serve this account${inRegion} yet: ${text}. Complete its registration with a payment method, or enable the region: https://console.aws.amazon.com/billing/home#/account. A new account can take a day.`;
  }
  if (names.region.test(name) || status === 301) {
    return `The bucket is not${inRegion || ' in this region'}: ${text}. Set AWS_REGION to the region of the stack.`;
  }
  if (isThrottled(error)) {
    return `AWS throttles the requests of your account${inRegion}${times}: ${text}. Wait a minute, and run the command again.`;
  }
  if (names.rights.test(name) || status === 403) {
    return `Your AWS ${credentials} do not allow this: ${text}. Ask the administrator of the account for the right, or set AWS_PROFILE to a profile that has it.`;
  }
  if (status >= 500) {
    return `AWS fails${inRegion}${times}: ${text} (${status}). Try again later; https://health.aws.amazon.com/health/status shows known failures.`;
  }
  if (status === 0) return undefined;
  const id = requestId === undefined ? '' : `, request ${requestId}`;
  return `AWS refuses a request${inRegion}: ${text} (${name}${id}).`;
}

/** What AWS said, or the name of the error where it said nothing. EC2 adds a kilobyte that only an administrator can decode. */
function said({ name, message, code }: AwsError): string {
  const text = message.replace(/\s*Encoded authorization failure message:.*/s, '').trim();
  return text === '' || text === 'UnknownError' ? (code ?? name) : text.replace(/\.$/, '');
}

function missing(text: string): string {
  const profile = process.env.AWS_PROFILE;
  const subject = profile
    ? `The AWS profile ${JSON.stringify(profile)} of AWS_PROFILE has no credentials, or does not exist`
    : 'There are no AWS credentials';
  return `${subject} (${text}). Set AWS_PROFILE to one of those that "aws configure list-profiles" lists, or sign in, for example with "aws sso login".`;
}

/** Where the SDK finds credentials: a profile that is named comes before keys. */
function whose(): string {
  const { AWS_PROFILE: profile, AWS_ACCESS_KEY_ID: key } = process.env;
  if (profile) return `profile ${JSON.stringify(profile)}`;
  return key ? 'AWS_ACCESS_KEY_ID' : 'the default profile';
}

function signIn(): string {
  const { AWS_PROFILE: profile, AWS_ACCESS_KEY_ID: key } = process.env;
  if (!profile && key) {
    return 'Set new ones in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or name a profile in AWS_PROFILE.';
  }
  return `Sign in, for example with "aws sso login${profile ? ` --profile ${profile}` : ''}".`;
}
