import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchClient, RegisterJobDefinitionCommand } from '@aws-sdk/client-batch';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { openObjectStore } from '#models/stores/open.ts';
import { descendantsOf, isAlive } from '../test/processes.ts';
import { localEnvironment } from './environment.ts';
import { findLocalStack, readLog, startLocalStack, stopLocalStack } from './localstack.ts';
import { isFree } from './port.ts';

const project = path.resolve(import.meta.dirname, '..');

let folder: string;
let children: ChildProcess[];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-instance-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await stopLocalStack(folder);
  await rm(folder, { recursive: true, force: true });
});

/** Starts a process that starts LocalStack with a job in the folder; returns the ids of LocalStack and the job. */
async function startElsewhere(options: object): Promise<{ child: ChildProcess; pids: number[] }> {
  const program = path.join(project, 'test', 'parent-to-kill.ts');
  const child = spawn(
    process.execPath,
    ['--import', './setup/typescript.mjs', program, JSON.stringify({ folder, ...options })],
    {
      cwd: project,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  return { child, pids: JSON.parse(line.toString()) as number[] };
}

async function allGone(pids: readonly number[], seconds: number): Promise<void> {
  const deadline = Date.now() + 1000 * seconds;
  for (const pid of pids) {
    while (isAlive(pid)) {
      if (Date.now() > deadline) throw new Error(`Process ${pid} still runs after ${seconds} s.`);
      await sleep(50);
    }
  }
}

describe('an instance', () => {
  test('is reused by a second start', async () => {
    const running = inject('localStack');
    const again = await startLocalStack({ folder: running.folder });
    expect(again).toMatchObject({ ...running, wasRunning: true });
  });

  test('is started once by concurrent starts', async () => {
    const all = await Promise.all([1, 2, 3].map(() => startLocalStack({ folder, port: 'any', bound: true })));
    expect(new Set(all.map(({ pid }) => pid)).size).toBe(1);
    expect(all.filter(({ wasRunning }) => !wasRunning)).toHaveLength(1);
    expect(await stopLocalStack(folder)).toBe(true);
    expect(await findLocalStack(folder)).toBeUndefined();
    expect(await stopLocalStack(folder)).toBe(false);
    expect(await isFree(all[0]?.port ?? 0)).toBe(true);
  });

  test('cannot be reached from another machine', async () => {
    const { port } = inject('localStack');
    const others = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, scopeid }) => !internal && !scopeid);
    for (const { address, family } of others) {
      const host = family === 'IPv6' ? `[${address}]` : address;
      await expect(fetch(`http://${host}:${port}/_localstack/health`)).rejects.toThrow('fetch failed');
    }
    if (process.platform !== 'linux') return;
    const listeners = `${await readFile('/proc/net/tcp', 'utf8')}${await readFile('/proc/net/tcp6', 'utf8')}`
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(
        ([, local, , state]) =>
          state === '0A' && local?.endsWith(`:${port.toString(16).padStart(4, '0').toUpperCase()}`),
      )
      .map(([, local]) => local?.split(':')[0]);
    expect(listeners).toEqual(['0100007F']);
  });

  test('reports why it cannot start', async () => {
    const { port } = inject('localStack');
    await expect(startLocalStack({ folder, port })).rejects.toThrow(`Port ${port} is in use`);
    await writeFile(path.join(folder, 'not-a-folder'), '');
    const inside = path.join(folder, 'not-a-folder', 'instance');
    await expect(startLocalStack({ folder: inside })).rejects.toThrow();
  });

  test('that is bound ends when its parent is killed, and leaves nothing behind', async () => {
    const { child, pids } = await startElsewhere({ bound: true, ephemeral: true, withFunction: true });
    const port = (await findLocalStack(folder))?.port ?? 0;
    expect(port).toBeGreaterThan(0);
    for (const pid of pids) expect(isAlive(pid)).toBe(true);
    child.kill('SIGKILL');
    await allGone(pids, 20);
    for (const deadline = Date.now() + 10_000; existsSync(folder) && Date.now() < deadline; ) await sleep(50);
    expect(existsSync(folder)).toBe(false);
    expect(await isFree(port)).toBe(true);
  });

  test('that is not bound outlives its parent, and stops with all its processes', async () => {
    const { child, pids } = await startElsewhere({});
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await findLocalStack(folder)).toMatchObject({ pid: pids[0] });
    expect(await stopLocalStack(folder)).toBe(true);
    await allGone(pids, 5);
    expect(await readLog(3, folder)).toContain('Stopping all services');
  });

  test('that was killed, after its watchdog, leaves nothing behind, is not found, and is replaced', async () => {
    const { pids } = await startElsewhere({});
    const [localStack = 0] = pids;
    const watchdog = (await descendantsOf(localStack)).find(({ command }) => command.includes('watchdog.py'));
    process.kill(watchdog?.pid ?? 0, 'SIGKILL');
    process.kill(localStack, 'SIGKILL');
    await allGone(pids, 10);
    expect(await findLocalStack(folder)).toBeUndefined();
    for (const deadline = Date.now() + 10_000; (await readdir(folder)).length > 1 && Date.now() < deadline; )
      await sleep(50);
    expect(await readdir(folder)).toEqual(['log']);
    const next = await startLocalStack({ folder, port: 'any', bound: true });
    expect(next).toMatchObject({ wasRunning: false });
    expect(next.pid).not.toBe(localStack);
  });

  test('connects to no other machine', async () => {
    const log = await readLog(100_000, inject('localStack').folder);
    expect(log).toContain('Ready.');
    const refused = log.split('\n').filter((line) => line.includes('refused a connection'));
    expect(refused).toEqual([]);
  });
});

test('a process with the local environment uses LocalStack, whatever profile and endpoints the user has', async () => {
  const requests: string[] = [];
  const account = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.writeHead(403).end();
  });
  account.listen(0, '127.0.0.1');
  await once(account, 'listening');
  try {
    const theirs = `http://127.0.0.1:${(account.address() as AddressInfo).port}`;
    const profile = [
      `region = eu-west-1`,
      `endpoint_url = ${theirs}`,
      'aws_access_key_id = a',
      'aws_secret_access_key = b',
    ];
    await writeFile(
      path.join(folder, 'config'),
      `[default]\n${profile.join('\n')}\n[profile work]\n${profile.join('\n')}\n`,
    );
    const user = {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'))),
      HOME: folder,
      AWS_CONFIG_FILE: path.join(folder, 'config'),
      AWS_PROFILE: 'work',
      AWS_ENDPOINT_URL_BATCH: theirs,
    };
    const program = `
      import { BatchClient, DescribeJobQueuesCommand } from '@aws-sdk/client-batch';
      const client = new BatchClient({ maxAttempts: 1 });
      client.send(new DescribeJobQueuesCommand({})).then((answer) => console.log(Array.isArray(answer.jobQueues)), () => console.log('refused'));`;
    const run = async (env: NodeJS.ProcessEnv) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        cwd: project,
        env,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let output = '';
      child.stdout.on('data', (data) => {
        output += data;
      });
      await once(child, 'close');
      return output.trim();
    };
    expect(await run(user)).toBe('refused');
    expect(requests).toHaveLength(1);
    expect(await run(localEnvironment(inject('localStack').endpoint, user))).toBe('true');
    expect(requests).toHaveLength(1);
  } finally {
    account.close();
  }
});

test('a full disk is named, wherever LocalStack meets it', async (context) => {
  if (spawnSync('prlimit', ['--version']).error) return context.skip('prlimit is not installed');
  const { endpoint, pid, folder: instance } = inject('localStack');
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
  const s3 = new S3Client({ forcePathStyle: true });
  const Bucket = 'full-disk';
  await s3.send(new CreateBucketCommand({ Bucket }));
  const store = await openObjectStore(`s3://${Bucket}`, { forcePathStyle: true });
  // The file size limit replaces a small disk: both are errors of the same kind.
  limit('8000000');
  try {
    const started = performance.now();
    // The server first writes the body of a large request to a file.
    await expect(store.put('runs/large', new Uint8Array(9e6))).rejects.toThrow(
      `LocalStack could not write to ${instance}: File too large. Make room, then run the same command again.`,
    );
    expect(performance.now() - started).toBeLessThan(5_000);
    const authorization = 'AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/lambda/aws4_request';
    const answer = await fetch(`${endpoint}/2015-03-31/functions/any/invocations`, {
      method: 'POST',
      headers: { authorization },
      body: new Uint8Array(9e6),
    });
    expect(answer.status).toBe(507);
    expect(await answer.json()).toMatchObject({ message: expect.stringContaining('Make room') });
    // A service writes a file.
    const Key = 'runs/parts';
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const Parts = [];
    for (const PartNumber of [1, 2]) {
      const part = new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: new Uint8Array(5_300_000) });
      Parts.push({ PartNumber, ETag: (await s3.send(part)).ETag });
    }
    const complete = new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } });
    await expect(s3.send(complete)).rejects.toThrow('Make room, then run the same command again.');
  } finally {
    limit('unlimited');
  }
  await store.put('runs/large', new Uint8Array(9e6));
});

test('accounts have separate job definitions', async () => {
  const other = new BatchClient({ credentials: { accessKeyId: '111111111111', secretAccessKey: 'test' } });
  const { jobDefinitionArn } = await other.send(
    new RegisterJobDefinitionCommand({
      jobDefinitionName: 'other',
      type: 'container',
      containerProperties: { image: 'node:22', vcpus: 1, memory: 256 },
    }),
  );
  expect(jobDefinitionArn).toBe('arn:aws:batch:us-east-1:111111111111:job-definition/other:1');
});
