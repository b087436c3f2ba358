/** Every command that talks to AWS, run in this process against a server that refuses as AWS documents. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type FakeAws, type FaultName, startFakeAws } from './aws.fixture.ts';
import { runProgram } from './program.ts';
import { explainError } from './stack/explain-error.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

let folder: string;
let aws: FakeAws;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cifar10-aws-'));
  writeFileSync(path.join(folder, 'raw.png'), Buffer.alloc(3072));
  aws = await startFakeAws();
});
afterAll(async () => {
  await aws[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  const settings = { ...environment(), AWS_MAX_ATTEMPTS: '1' };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, 'write').mockReturnValue(true);
  Object.assign(aws, { behavior: {}, failures: Number.POSITIVE_INFINITY, minutesSlow: 0 });
  aws.asked.length = 0;
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
});

/** The settings of a user whose keys are in the environment. */
function environment() {
  return {
    ...{ HOME: folder, CIFAR10_HOME: folder, AWS_EC2_METADATA_DISABLED: 'true', AWS_ENDPOINT_URL: aws.endpoint },
    ...{ AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example', AWS_REGION: 'eu-west-1' },
  };
}

/** @returns what the command says to its user, and its exit code; `undefined` where it does what it should */
async function failureOf(words: string): Promise<{ message: string; code: number } | undefined> {
  try {
    await runProgram([...argumentsOf(words), '--target', 'aws']);
    return undefined;
  } catch (error) {
    const explained = await explainError(error, 'aws');
    if (explained === undefined) throw error;
    return { message: explained.message, code: explained.exitCode };
  }
}

function argumentsOf(words: string): string[] {
  return words.split(' ').map((word) => (word === 'raw.png' ? path.join(folder, word) : word));
}

/** Each command with the services that it asks after STS. */
const commands: readonly [words: string, services: readonly string[]][] = [
  ['jobs', ['cloudformation', 'batch']],
  ['jobs 20261123-041200-a1b2', ['cloudformation', 'batch']],
  ['logs endpoint', ['cloudformation', 'logs']],
  ['logs 20261123-041200-a1b2', ['cloudformation', 'batch']],
  ['runs', ['cloudformation', 's3']],
  ['models list', ['cloudformation', 's3']],
  ['models promote candidate', ['cloudformation', 's3']],
  ['submit seed --detach', ['cloudformation', 's3', 'batch']],
  ['classify raw.png', ['cloudformation', 'apigateway']],
  ['evaluate', ['cloudformation', 'apigateway']],
  ['deploy --training-image training:1', ['cloudformation']],
  ['destroy --yes', ['cloudformation', 'batch']],
];

const everyService = commands.flatMap(([words, services]) => services.map((service) => ({ words, service })));
/** The service that is asked last, of each command; and STS, which all of them ask first in the same way. */
const cases = [
  ...commands.map(([words, services]) => ({ words, service: services.at(-1)! })),
  { words: 'jobs', service: 'sts' },
];

/** What the message says: whose credentials, the region, what AWS said, and the remedy. */
const said: Readonly<Record<FaultName, readonly RegExp[]>> = {
  expired: [
    /^(s3:\S+ )?Your AWS credentials \(AWS_ACCESS_KEY_ID, region eu-west-1\) have expired: The .* expired\. Set new ones/,
  ],
  unknownKey: [
    /AWS does not accept your credentials \(AWS_ACCESS_KEY_ID, region eu-west-1\): \w.*\. Set new ones in AWS_/,
  ],
  wrongSecret: [/AWS does not accept your credentials \(AWS_ACCESS_KEY_ID, region/, /"aws configure list" shows which/],
  noRight: [
    /Your AWS credentials \(AWS_ACCESS_KEY_ID, region eu-west-1\) do not allow this: User: arn:\S+ is not authorized to perform: \w+:\w+/,
    /Ask the administrator of the account for the right, or set AWS_PROFILE/,
  ],
  throttled: [/^AWS throttles the requests of your account in region eu-west-1: .*\. Wait a minute, and run/],
  wrongClock: [/AWS refuses what this machine signs, because its clock is wrong: .*\. Set the clock, .*timedatectl/],
  newAccount: [/AWS does not serve this account in region eu-west-1 yet: .*\. Complete its registration/],
  outage: [/^AWS fails in region eu-west-1: Service is unable to handle request \(503\)\. Try again later/],
};

describe.each(Object.entries(said))('%s', (fault, sentences) => {
  test.each(fault === 'noRight' ? everyService : cases)('$words, by $service', async ({ words, service }) => {
    aws.behavior = { [service]: fault as FaultName };
    const failure = await failureOf(words);
    expect(aws.asked).toContain(service);
    expect(failure?.code).toBe(1);
    for (const sentence of sentences) expect(failure?.message).toMatch(sentence);
    expect(failure?.message.split('\n')).toHaveLength(1);
    expect(failure?.message).not.toMatch(/ at .*\.[jt]s:|Encoded authorization/);
  });
});

test.each(cases)('a connection that breaks: $words, to $service', async ({ words, service }) => {
  aws.behavior = { [service]: 'cut' };
  const failure = await failureOf(words);
  expect(failure?.message).toMatch(/^AWS cannot be reached in region eu-west-1 \(.*Check the network/);
});

test('the profile is named, with the command that signs in', async () => {
  writeFileSync(
    path.join(folder, 'credentials'),
    '[work]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = example\n',
  );
  const settings = { AWS_PROFILE: 'work', AWS_SHARED_CREDENTIALS_FILE: path.join(folder, 'credentials') };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  aws.behavior = { batch: 'expired' };
  expect((await failureOf('jobs'))?.message).toBe(
    'Your AWS credentials (profile "work", region eu-west-1) have expired: The security token included in the request is expired. ' +
      'Sign in, for example with "aws sso login --profile work".',
  );
});

test('throttling that passes is waited for, by the settings of the command', async () => {
  vi.stubEnv('AWS_MAX_ATTEMPTS', undefined);
  Object.assign(aws, { behavior: { cloudformation: 'throttled' }, failures: 2 });
  expect(await failureOf('models list')).toBeUndefined();
  expect(process.env.AWS_MAX_ATTEMPTS).toBe('6');
  expect(aws.asked).toEqual(['sts', ...Array(3).fill('cloudformation'), 's3', 's3']);
});

test('throttling that lasts is said after all tries', async () => {
  vi.stubEnv('AWS_MAX_ATTEMPTS', '2');
  aws.behavior = { batch: 'throttled' };
  expect((await failureOf('jobs'))?.message).toContain('in region eu-west-1, 2 times in a row: Too Many Requests.');
});

test('a clock that is an hour slow is corrected by the time that AWS tells', async () => {
  vi.stubEnv('AWS_MAX_ATTEMPTS', undefined);
  aws.minutesSlow = 60;
  expect(await failureOf('models list')).toBeUndefined();
});

test.each(commands)(
  'Ctrl-C ends %s while AWS does not answer: nothing holds the signal back',
  async (words, services) => {
    const before = process.listenerCount('SIGINT');
    aws.behavior = { [services.at(-1)!]: 'hang' };
    const failure = failureOf(words);
    await vi.waitUntil(() => aws.asked.includes(services.at(-1)!), 60_000);
    // `deploy` says what CloudFormation continues with, and ends then.
    expect(process.listenerCount('SIGINT')).toBe(before + Number(words.startsWith('deploy')));
    aws.cut();
    expect((await failure)?.message).toMatch(/^AWS cannot be reached/);
  },
);

test('Ctrl-C ends a command without a trace', async () => {
  aws.behavior = { '*': 'hang' };
  const args = ['--import', './setup/typescript.mjs', 'cli/cifar10.ts', 'submit', 'seed', '--target', 'aws'];
  const env = { PATH: process.env.PATH, NO_COLOR: '1', ...environment() };
  const child = spawn(process.execPath, args, { cwd: root, env });
  const errors = text(child.stderr);
  await vi.waitUntil(() => aws.asked.includes('cloudformation'), 60_000);
  child.kill('SIGINT');
  await once(child, 'exit');
  expect(child.signalCode).toBe('SIGINT');
  expect(await errors).toBe(`AWS account 123456789012, region eu-west-1, at ${aws.endpoint}\n`);
}, 90_000);
