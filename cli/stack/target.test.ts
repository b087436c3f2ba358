/** Runs commands with the settings that users have for AWS and for their network. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { startProxy } from '#setup/proxy.fixture.ts';
import { openTarget } from './target.ts';

const program = path.resolve(import.meta.dirname, '../cifar10.ts');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-target-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** @returns what a command says to stderr. */
function cifar10(words: readonly string[], variables: NodeJS.ProcessEnv): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1', AWS_EC2_METADATA_DISABLED: 'true', ...variables };
  const args = ['--import', import.meta.resolve('#setup/typescript.mjs'), program, ...words];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder, env }, (_error, _stdout, stderr) => resolve(stderr));
  });
}

const keys = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example' };

/** @returns what the target says in this process, which has no other AWS settings: the account, or why there is none. */
async function openAws(variables: NodeJS.ProcessEnv): Promise<string> {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  const own = { HOME: folder, AWS_EC2_METADATA_DISABLED: 'true', ...variables };
  for (const [name, value] of Object.entries(own)) vi.stubEnv(name, value);
  let said = '';
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
  try {
    await openTarget({ target: 'aws' });
    return said;
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message;
  } finally {
    write.mockRestore();
    vi.unstubAllEnvs();
  }
}

test.each([
  [{ ...keys }, 'No AWS region is set. Set AWS_REGION'],
  [{ ...keys, AWS_REGION: ' ' }, 'No AWS region is set. Set AWS_REGION'],
  [
    { ...keys, AWS_REGION: 'us-east1' },
    '"us-east1" in AWS_REGION is not the name of a region. Set one such as eu-west-1.',
  ],
  [{ ...keys, AWS_DEFAULT_REGION: 'eu west 1' }, '"eu west 1" in AWS_DEFAULT_REGION is not the name of a region.'],
  [
    { AWS_PROFILE: 'wrok', AWS_REGION: 'eu-west-1' },
    'The AWS profile "wrok" of AWS_PROFILE has no credentials, or does not',
  ],
  [{ AWS_PROFILE: 'wrok' }, 'No AWS region is set, and none in the profile "wrok" of AWS_PROFILE.'],
  [{ AWS_REGION: 'eu-west-1' }, 'There are no AWS credentials'],
  [
    { ...keys, AWS_REGION: 'eu-west-1', HTTPS_PROXY: 'socks5://127.0.0.1:1' },
    'HTTPS_PROXY is "socks5://127.0.0.1:1", which is not the',
  ],
])('%o: the target says what is wrong', async (variables, message) => {
  expect(await openAws(variables)).toContain(message);
});

describe('behind a proxy', () => {
  test('AWS is asked through it, in the region without its blanks, and its refusal is not blamed on the credentials', async () => {
    await using proxy = await startProxy();
    const variables = { ...keys, AWS_REGION: 'eu-west-1 ', HTTPS_PROXY: proxy.url };
    const said = await cifar10(['jobs', '--target', 'aws'], variables);
    expect(proxy.requests).toEqual(['CONNECT sts.eu-west-1.amazonaws.com:443']);
    expect(said).toMatch(
      `error The proxy ${proxy.url} of HTTPS_PROXY does not connect to sts.eu-west-1.amazonaws.com:443: it answers 403`,
    );
  });

  test('buckets and endpoints are asked through it', async () => {
    await using proxy = await startProxy();
    await writeFile(path.join(folder, 'raw.png'), Buffer.alloc(3072));
    const variables = { ...keys, AWS_REGION: 'eu-west-1', HTTPS_PROXY: proxy.url };
    const said = await Promise.all([
      cifar10(['models', 'list', '--store', 's3://models-of-ours'], variables),
      cifar10(['classify', 'raw.png', '--endpoint', 'https://example.test'], variables),
    ]);
    for (const each of said) expect(each).toContain(`The proxy ${proxy.url} of HTTPS_PROXY does not connect to`);
    expect(proxy.requests.sort()).toEqual([
      'CONNECT example.test:443',
      'CONNECT models-of-ours.s3.eu-west-1.amazonaws.com:443',
    ]);
  });
});

describe('with another endpoint than AWS', () => {
  let server: Server;
  let endpoint: string;
  let answer: { status: number; body: string };
  const requests: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push(`${request.headers.host}${request.url}`);
      response.writeHead(answer.status, { 'content-type': 'text/xml' }).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const refused = (code: string) =>
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>The security token is not valid</Message></Error></ErrorResponse>`;

  test.each([
    [
      'ExpiredToken',
      'Your AWS credentials (AWS_ACCESS_KEY_ID, region eu-west-1) have expired: The security token is not valid. Set',
    ],
    [
      'InvalidClientTokenId',
      'AWS does not accept your credentials (AWS_ACCESS_KEY_ID, region eu-west-1): The security token is not valid. Set',
    ],
  ])('%s is explained', async (code, message) => {
    answer = { status: 403, body: refused(code) };
    const variables = { ...keys, AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: endpoint };
    expect(await openAws(variables)).toContain(message);
  });

  test('a name that is no loopback address is asked through the proxy, and answers', async () => {
    await using proxy = await startProxy(Number(new URL(endpoint).port));
    answer = {
      status: 200,
      body: `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
    };
    const variables = { ...keys, AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: 'http://aws.test', HTTP_PROXY: proxy.url };
    const said = await openAws(variables);
    expect(said).toContain('AWS account 123456789012, region eu-west-1, at http://aws.test');
    expect(new Set(proxy.requests)).toEqual(new Set(['CONNECT aws.test:80']));
    expect(requests.at(-1)).toBe('aws.test/');
  });
});
