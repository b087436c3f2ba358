import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { expect, test } from 'vitest';
import { LocalStackGone, localStackGone } from './local-stack-gone.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The error of the AWS SDK where a server takes the connection and ends it, as one that is killed does. */
async function cutOff(): Promise<unknown> {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const client = new CloudFormationClient({
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
    return await client.send(new DescribeStacksCommand({})).catch((error: unknown) => error);
  } finally {
    server.close();
  }
}

test('a connection that breaks is LocalStack, unless the command talks to AWS', async () => {
  const error = await cutOff();
  expect(localStackGone(error, false)).toBeInstanceOf(LocalStackGone);
  expect(localStackGone(new Error('The job cannot be followed.', { cause: error }), false)?.message).toMatch(
    /^LocalStack no longer answers \(ECONNRESET\)/,
  );
  expect(localStackGone(error, true)).toBeUndefined();
  expect(localStackGone(new Error('another'), false)).toBeUndefined();
});

test('a command says that LocalStack has gone, where its log is, and how to continue', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const command = [
    '--import',
    './setup/typescript.mjs',
    'cli/cifar10.ts',
    'models',
    'list',
    '--store',
    's3://models-1a2b',
  ];
  const child = spawn(process.execPath, command, {
    cwd: root,
    env: {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1' },
      ...{ AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`, AWS_REGION: 'us-east-1' },
      ...{ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [error, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect(code).toBe(1);
  expect(error).toContain(`error LocalStack no longer answers at 127.0.0.1:${port} (ECONNREFUSED)`);
  expect(error).toContain('.cifar10/local/log');
  expect(error).toContain('./cifar10 local up && ./cifar10 deploy');
});
