import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { awsFailure } from './aws-failure.ts';

beforeEach(() => {
  for (const name of ['AWS_PROFILE', 'AWS_ACCESS_KEY_ID']) vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

/** As the SDK throws it. */
function error(name: string, message: string, { status = 0, code }: { status?: number; code?: string } = {}): Error {
  const $metadata = { attempts: 1, requestId: 'r-1', ...(status > 0 && { httpStatusCode: status }) };
  return Object.assign(new Error(message), { name, $metadata, ...(code !== undefined && { code }) });
}

test.each([
  [
    error('Error', 'getaddrinfo ENOTFOUND sts.eu-west-9.amazonaws.com', { code: 'ENOTFOUND' }),
    'AWS cannot be reached in region eu-west-9 (getaddrinfo ENOTFOUND sts.eu-west-9.amazonaws.com). Check the network and',
  ],
  [
    error('Error', 'self-signed certificate', { code: 'SELF_SIGNED_CERT_IN_CHAIN' }),
    'The certificate of AWS is not trusted (self-signed certificate). If a proxy of your network reads the traffic, set',
  ],
  [
    error('PermanentRedirect', 'The bucket must be addressed using the specified endpoint.', { status: 301 }),
    'The bucket is not in region eu-west-9: The bucket must be addressed using the specified endpoint. Set AWS_REGION',
  ],
  [
    error('UnauthorizedOperation', 'You are not authorized. Encoded authorization failure message: x9', {
      status: 403,
    }),
    'Your AWS credentials (the default profile, region eu-west-9) do not allow this: You are not authorized. Ask the',
  ],
  // S3 answers HEAD requests without a body.
  [
    error('Forbidden', 'UnknownError', { status: 403 }),
    'Your AWS credentials (the default profile, region eu-west-9) do not allow this: Forbidden. Ask the',
  ],
  [
    error('ValidationError', 'Stack name is too long', { status: 400 }),
    'AWS refuses a request in region eu-west-9: Stack name is too long (ValidationError, request r-1).',
  ],
  [
    Object.assign(new Error('The SSO session has expired. Run aws sso login.'), { name: 'CredentialsProviderError' }),
    'Your AWS credentials (the default profile, region eu-west-9) have expired: The SSO session has expired. Run aws sso',
  ],
])('%s is explained', (cause, says) => {
  expect(awsFailure(cause, 'eu-west-9')?.message).toContain(says);
});

test('the bucket is named by the store, and the cause is kept', () => {
  const cause = error('AccessDenied', 'Access Denied', { status: 403 });
  const failure = awsFailure(
    new UserError('s3://models-1a2b refuses the request (AccessDenied).', { cause }),
    undefined,
  );
  expect(failure?.message).toMatch(
    /^s3:\/\/models-1a2b: Your AWS credentials \(the default profile\) do not allow this:/,
  );
  expect(failure).toHaveProperty('cause.cause', cause);
});

test('what is not of AWS is left alone', () => {
  expect(awsFailure(new TypeError('x is not a function'), 'eu-west-1')).toBeUndefined();
  // A proxy that refuses: its error says so already.
  expect(
    awsFailure(Object.assign(new UserError('The proxy refuses.'), { $metadata: {} }), 'eu-west-1'),
  ).toBeUndefined();
});
