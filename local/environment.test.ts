import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jobEnvironment, localEnvironment } from './environment.ts';

const endpoint = 'http://127.0.0.1:4566';

test('it sets the endpoint, credentials and region', () => {
  expect(localEnvironment(endpoint, {})).toMatchObject({
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
  });
});

test('it keeps what programs need', () => {
  const from = {
    PATH: '/bin',
    HOME: '/home/me',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    npm_config_registry: 'https://npm.test',
  };
  expect(localEnvironment(endpoint, from)).toMatchObject(from);
});

test.each([
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_SESSION_TOKEN',
  'AWS_ENDPOINT_URL_BATCH',
  'AWS_ENDPOINT_URL_CLOUDFORMATION',
  'AWS_ROLE_ARN',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_SDK_LOAD_CONFIG',
  'CDK_DEFAULT_ACCOUNT',
  'LOCALSTACK_AUTH_TOKEN',
  'GITHUB_TOKEN',
  'CIFAR10_STORE',
])('it drops the user’s %s', (name) => {
  expect(localEnvironment(endpoint, { [name]: 'theirs' })).not.toHaveProperty(name);
});

test('no AWS variable keeps the user’s value', () => {
  const name = fc.stringMatching(/^AWS_[A-Z_]{1,30}$/);
  fc.assert(
    fc.property(fc.dictionary(name, fc.constant('theirs')), (from) => {
      expect(Object.values(localEnvironment(endpoint, from))).not.toContain('theirs');
    }),
  );
});

test('this machine is excluded from the proxy', () => {
  const from = { HTTPS_PROXY: 'http://proxy.test:3128', NO_PROXY: 'intranet.test' };
  const { HTTPS_PROXY, NO_PROXY } = localEnvironment(endpoint, from);
  expect(HTTPS_PROXY).toBe('http://proxy.test:3128');
  expect(NO_PROXY?.split(',')).toEqual(expect.arrayContaining(['intranet.test', '127.0.0.1', 'localhost']));
});

test('a job gets from the machine what programs need there, and nothing of the user’s terminal or cloud', () => {
  const machine = { PATH: '/bin', HOME: '/home/me', XDG_CACHE_HOME: '/cache', https_proxy: 'http://proxy.test:3128' };
  const user = { USER: 'me', TERM: 'xterm', CI: '1', TF_CPP_MIN_LOG_LEVEL: '0', AWS_REGION: 'eu-west-1', SECRET: 'x' };
  expect(jobEnvironment({ ...machine, ...user })).toEqual(machine);
});
