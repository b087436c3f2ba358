/**
 * The whole workflow by the command line: starts LocalStack, deploys, trains in Batch jobs, promotes, classifies over HTTP,
 * updates and destroys, and leaves no processes behind.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchClient, DescribeJobsCommand, SubmitJobCommand } from '@aws-sdk/client-batch';
import { encode } from 'fast-png';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { addressForJob } from '#cli/batch/job-data.ts';
import { classifyImage, type Endpoint } from '#cli/endpoint/endpoint.ts';
import { localTarget, type StackOutputs, type Target } from '#cli/stack/target.ts';
import { readCheckpoint } from '#models/run-checkpoints.ts';
import { readEvents } from '#models/run-events.ts';
import { readResult, runKey } from '#models/runs.ts';
import { decodeSafetensors } from '#models/safetensors.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readSubmission } from '#models/submissions.ts';
import { listVersions, readVersion } from '#models/versions.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { writeFiles } from '#training/datasets/pictures/pictures.fixture.ts';
import { compileGraph } from '#training/engine/graph/engine.ts';
import { probabilities } from '#training/evaluation/temperature.ts';
import { weightSpecs } from '#training/nets/shapes.ts';
import { netOf, recipes } from '#training/recipe/recipes.ts';
import type { TrainingEvent } from '#training/record/events.ts';
import { documentedPermissions, type Permission, usedPermissions } from './policies.ts';
import { descendantsOf, isAlive, type Process } from './processes.ts';
import { type Alarm, cloudWatch, feedAlarm, type Message, runFunction, subscribe } from './watch.fixture.ts';

const root = path.resolve(import.meta.dirname, '..');
const images = 200;
/** A third of quick's filters and a part of an epoch, since this test does not need the full accuracy. */
const short = ['--set', 'widths=16,32,32', '--set', 'epochs=0.4', '--set', 'checkpointSeconds=1'];
const recipe = { ...recipes.quick, widths: [16, 32, 32] as const };

let home: string;
let localStack: { endpoint: string; port: number; pid: number };
let target: Target;
let stack: StackOutputs & { url: string };
/** What the stack's topic is told. */
let notices: { readonly messages: readonly Message[]; readonly close: () => void } | undefined;
/** All processes seen under LocalStack. */
const seen = new Map<number, Process>();

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'cifar10-system-'));
});

afterAll(async () => {
  notices?.close();
  await cifar10('local', 'down').catch(() => {});
  await rm(home, { recursive: true, force: true });
});

it('starts LocalStack and deploys the stack', async () => {
  localStack = JSON.parse((await cifar10('local', 'up', '--json')).output);
  target = localTarget(localStack.endpoint);
  stack = JSON.parse((await cifar10('deploy', '--json')).output);
  expect(stack.BucketName).toMatch(/models/);
  notices = await subscribe(target, stack.NoticeTopicArn!);
});

it('counts jobs, of which there are none, and no model', async () => {
  const [line = ''] = await jobStates();
  const none = { submitted: 0, pending: 0, runnable: 0, starting: 0, running: 0, waitMinutes: 0 };
  expect(JSON.parse(line)).toEqual({ timestamp: expect.any(String), level: 'info', message: 'jobs', ...none });
});

it('rings each alarm by its metric, once enough of its periods are bad, and tells the topic', async () => {
  const { endpoint } = localStack;
  const { MetricAlarms: alarms } = await cloudWatch<{ MetricAlarms: Alarm[] }>(endpoint, 'DescribeAlarms', {});
  expect(alarms).toHaveLength(10);
  for (const alarm of alarms) {
    const { AlarmName, EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods, Threshold } = alarm;
    if (alarm.ExtendedStatistic) {
      // LocalStack does not look at percentiles.
      const StateReason = 'a test';
      await cloudWatch(endpoint, 'SetAlarmState', { AlarmName, StateValue: 'ALARM', StateReason });
      continue;
    }
    const bad = Array<number>(DatapointsToAlarm - 1).fill(Threshold);
    expect(await feedAlarm(endpoint, alarm, [Threshold * 0.99, ...bad]), AlarmName).toBe('OK');
    const states = await feedAlarm(endpoint, alarm, Array(DatapointsToAlarm + 1).fill(10 * Threshold));
    expect(states, AlarmName).toBe('ALARM');
  }
  const told = alarms.filter(({ AlarmName }) => !AlarmName.includes('JobFailed')).map(({ AlarmName }) => AlarmName);
  await vi.waitFor(() => {
    const rung = notices!.messages.map(({ Subject = '' }) => /^ALARM: "(.+?)"/.exec(Subject)?.[1]);
    expect(rung.filter((name) => name !== undefined).toSorted()).toEqual(told.toSorted());
  }, 20_000);
});

it('says what to do if there is no model', async () => {
  const { code, errors } = await cifar10('classify', path.join(root, 'package.json')).catch((error) => error);
  expect(code).toBe(1);
  expect(errors).toContain('models promote candidate');
});

it('trains in a Batch job, in a separate process', async () => {
  const job = cifar10('submit', 'quick', '--run', 'whole', ...short);
  const trainer = await until(() => processUnderLocalStack(/jobs\/main\.ts train quick --run whole/));
  expect((await job).code).toBe(0);
  expect(isAlive(trainer.pid)).toBe(false);
  const result = await readResult(await target.store(), 'whole');
  expect(result?.accuracy.plain).toBeGreaterThanOrEqual(0.2);
});

it('promotes the version, whose predictions over HTTP equal those in training', async () => {
  await cifar10('models', 'promote', 'candidate');
  const apiKey = (await cifar10('key')).output.trim();
  expect(apiKey).toBe(await target.apiKey(stack));
  const endpoint: Endpoint = { url: stack.url, apiKey };
  const { test, classes } = await loadCifar10();
  const size = 32 * 32 * 3;

  const answers: number[] = [];
  let right = 0;
  for (let start = 0; start < images; start += 4) {
    const four = Array.from({ length: 4 }, async (_, at) => {
      const data = test.images.subarray((start + at) * size, (start + at + 1) * size);
      return classifyImage(endpoint, encode({ width: 32, height: 32, channels: 3, data }), { topK: classes.length });
    });
    for (const [at, { label, predictions }] of (await Promise.all(four)).entries()) {
      if (label === classes[test.labels[start + at]!]) right++;
      answers.push(...predictions.toSorted((a, b) => a.index - b.index).map(({ score }) => score));
    }
  }
  await until(() => processUnderLocalStack(/functions\/bootstrap\.mjs/));

  const store = await target.store();
  const version = await readVersion(store, (await readResult(store, 'whole'))!.version);
  const { tensors } = decodeSafetensors((await readCheckpoint(store, 'whole'))!.body);
  const net = netOf(recipe);
  const names = new Set(weightSpecs(net).map(({ name }) => name));
  const trained = await compileGraph({
    net,
    weights: tensors.filter(({ name }) => names.has(name)), // without the optimizer's
    batchSize: 4,
    seed: 1,
    labelSmoothing: 0,
    reduction: 'mean',
    groups: [],
  });
  const logits = trained.logits(test.images.subarray(0, images * size));
  trained.dispose();
  const expected = probabilities(logits, classes.length, version.card.temperature); // [200, 10]
  const difference = Math.max(...answers.map((score, index) => Math.abs(score - expected[index]!)));
  expect(difference).toBeLessThanOrEqual(version.golden.tolerance);
  expect(right / images).toBeGreaterThanOrEqual(0.2);
});

it('serves the page, its script and unchanged weights through API Gateway', async () => {
  const fetched = async (name: string, accept: string) => {
    const response = await fetch(new URL(name, `${stack.url}/`), { headers: { accept } });
    return Buffer.from(await response.arrayBuffer());
  };
  const page = (await fetched('', 'text/html')).toString();
  const [script] = /page\/main-\w+\.js/.exec(page) ?? [];
  expect((await fetched(script!, '*/*')).toString()).toMatch(/\bimport\b/);

  const store = await target.store();
  const { version } = (await readResult(store, 'whole'))!;
  const weights = (await readVersion(store, version)).file('weights.bin');
  const part = await fetched(`models/${version}/weights.bin`, '*/*');
  expect(Buffer.compare(part, weights)).toBe(0);
});

it('resumes at the checkpoint after SIGKILL, and ends with identical weights', async () => {
  const job = cifar10('submit', 'quick', '--run', 'killed', ...short);
  const store = await target.store();
  const trainer = await until(() => processUnderLocalStack(/jobs\/main\.ts train quick --run killed/));
  await until(async () => (await readCheckpoint(store, 'killed').catch(() => undefined))?.step);
  process.kill(trainer.pid, 'SIGKILL');
  expect((await job).code).toBe(0);
  const { attempts } = JSON.parse((await cifar10('jobs', 'killed', '--json')).output);
  expect(attempts).toHaveLength(2);
  // Events that the first attempt had not sent are lost.
  const last = (await eventsOf('killed')).findLast((event) => event.type === 'started');
  expect(last?.fromStep).toBeGreaterThan(0);

  expect(await weightsHash('killed')).toBe(await weightsHash('whole'));
});

it('trains on pictures of this machine in a job, to the weights of training here, bit for bit', async () => {
  const photos = path.join(home, 'photos');
  await writeFiles(photos, warmAndCold(60));
  const few = ['minute', '--seed', '3', '--set', 'widths=8,8,8', '--set', 'epochs=12'];
  await Promise.all([
    cifar10('submit', ...few, '--data', photos, '--run', 'photos'),
    cifar10('train', ...few, '--data', photos, '--run', 'here', '--out', path.join(home, 'here')),
  ]);
  const store = await target.store();
  const command = (await readSubmission(store, 'photos'))!.command;
  const address = command[command.indexOf('--data') + 1]!;
  expect(address).toMatch(/^s3:\/\/[a-z0-9.-]+\/data\/photos\/[0-9a-f]{64}$/);
  expect(await weightsHash('photos')).toBe(await weightsHash('here', folderStore(path.join(home, 'here'))));

  // The same pictures in a bucket are the same set: nothing is put again.
  for (const [key, body] of Object.entries(warmAndCold(60))) await store.put(`elsewhere/photos/${key}`, body);
  const fetched = await addressForJob(store, `${store.url}/elsewhere/photos`, recipes.minute, {});
  expect(fetched).toBe(address);
});

it('updates the stack', async () => {
  const updated = JSON.parse((await cifar10('deploy', '--auth', 'none', '--json')).output);
  expect(updated.BucketName).toBe(stack.BucketName);
  expect(updated.ApiKeyId).toBeUndefined();
  const answer = await classifyImage({ url: updated.url, apiKey: undefined }, new Uint8Array(3072));
  expect(answer.predictions).toHaveLength(5);
});

it('answers 404 to a version that does not exist', async () => {
  const url = `${stack.url}/classify?version=20260101-0000-00000000`;
  const answer = await fetch(url, { method: 'POST', body: new Uint8Array(3072) });
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ code: 'unknown-version' });
});

it('does not try a job again that has wrong arguments', async () => {
  const batch = new BatchClient(target.clientConfig);
  const { jobId } = await batch.send(
    new SubmitJobCommand({
      ...{ jobName: 'wrong', jobQueue: stack.JobQueueArn, jobDefinition: stack.JobDefinitionName },
      containerOverrides: { command: ['train', 'no-such-recipe'] },
    }),
  );
  const job = await until(async () => {
    const [found] = (await batch.send(new DescribeJobsCommand({ jobs: [jobId!] }))).jobs ?? [];
    return found?.status === 'FAILED' ? found : undefined;
  });
  expect(job.attempts?.map(({ container }) => container?.exitCode)).toEqual([2]);
});

it('tells once of an array that failed, with the reason and the end of the log of its first child', async () => {
  const batch = new BatchClient(target.clientConfig);
  await batch.send(
    new SubmitJobCommand({
      ...{ jobName: 'wrong-array', jobQueue: stack.JobQueueArn, jobDefinition: stack.JobDefinitionName },
      containerOverrides: { command: ['train', 'no-such-recipe'] },
      arrayProperties: { size: 2 },
    }),
  );
  const line = (await jobStates()).at(-1)!;
  expect(JSON.parse(line)).toMatchObject({ model: expect.stringMatching(/^\d{8}-/), modelAgeDays: 0 });

  const [notice] = await until(async () => {
    const found = notices!.messages.filter(({ Subject }) => Subject === 'Job failed: wrong-array');
    return found.length > 0 ? found : undefined;
  });
  expect(notice?.Message).toMatch(
    /^The job wrong-array failed\.\nOf its 2 children 2 failed and 0 succeeded\.\n\nThe first child that failed is number 0/,
  );
  expect(notice?.Message).toContain('Reason      Essential container in task exited, exit code 2 (bad arguments)\n');
  expect(notice?.Message).toContain(' --target aws    explains each attempt');
  expect(notice?.Message).toContain('The end of its log:\n  error: There is no recipe "no-such-recipe".');
  // Of the single job before it there was one too, and of no child, and of none that was only ended and resumed.
  const subjects = notices!.messages.flatMap(({ Subject }) => (Subject?.startsWith('Job failed') ? [Subject] : []));
  expect(subjects).toEqual(['Job failed: wrong', 'Job failed: wrong-array']);
});

it('has used of its roles what docs/aws.md says, and was refused nothing', async () => {
  const documented = await documentedPermissions();
  const text = ({ role, action, on }: Permission) => `${role} | ${action} | ${on}`;
  const expected = documented.filter(({ used }) => used === 'yes').map(text);
  // The function that looks at failed jobs runs a moment after the last one has failed.
  await vi.waitFor(async () => {
    const { uses, refusals } = await usedPermissions(localStack.endpoint, 'Cifar10');
    expect(refusals).toEqual([]);
    expect([...new Set(uses.map(text))].toSorted()).toEqual(expected.toSorted());
  }, 20_000);
});

it('destroys the stack and keeps the models', async () => {
  const store = await target.store();
  const { output } = await cifar10('destroy');
  expect(output).toContain(stack.BucketName);
  await expect(target.stack()).rejects.toThrow('not deployed');
  expect(await listVersions(store)).toHaveLength(3);
});

it('stops LocalStack and leaves no processes behind', async () => {
  await watch();
  await cifar10('local', 'down');
  expect(seen.size).toBeGreaterThan(2);
  // The watchdog is the last process to end.
  await vi.waitFor(() => expect([...seen.values()].filter(({ pid }) => isAlive(pid))).toEqual([]), 5_000);
  expect(isAlive(localStack.pid)).toBe(false);
  await expect(connect(localStack.port)).rejects.toThrow('ECONNREFUSED');

  const { output } = await cifar10('models', 'list', '--store', path.join(home, 'store'), '--json');
  expect(JSON.parse(output)).toHaveLength(3);
});

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** @throws {Ended} with a message, if the exit code is not 0 */
function cifar10(...args: readonly string[]): Promise<Ended> {
  // Without the variables of the shared LocalStack: this test starts its own.
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  const child = spawn(process.execPath, ['--import', './setup/typescript.mjs', 'cli/cifar10.ts', ...args], {
    cwd: root,
    env: { ...Object.fromEntries(environment), CIFAR10_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    errors += data;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      const ended = { code: code ?? 1, output, errors };
      if (code === 0) resolve(ended);
      else reject(Object.assign(new Error(`cifar10 ${args.join(' ')} ended with ${code}:\n${output}${errors}`), ended));
    });
  });
}

/** Counts jobs now, as the schedule does every five minutes. @returns the lines of all counts */
async function jobStates(): Promise<string[]> {
  const lines = await runFunction(target, localStack.endpoint, 'WatchJobStatesCount');
  return lines.filter((line) => line.startsWith('{')).filter((line) => JSON.parse(line).message === 'jobs');
}

async function watch(): Promise<Process[]> {
  const processes = await descendantsOf(localStack.pid);
  for (const process of processes) seen.set(process.pid, process);
  return processes;
}

async function processUnderLocalStack(command: RegExp): Promise<Process | undefined> {
  return (await watch()).find((process) => command.test(process.command));
}

async function until<Result>(find: () => Promise<Result | undefined>): Promise<Result> {
  for (;;) {
    const found = await find();
    if (found) return found;
    await sleep(100);
  }
}

async function eventsOf(run: string): Promise<TrainingEvent[]> {
  return (await readEvents<TrainingEvent>(await target.store(), run)).map(({ event }) => event);
}

/** The hash of the published weights, not of the checkpoint. */
/** Pictures of two classes that are told apart by their colour. */
function warmAndCold(count: number): Record<string, Uint8Array> {
  const picture = (number: number, red: number, blue: number) => {
    const data = Uint8Array.from(
      { length: 3072 },
      (_, at) => (at % 3 === 0 ? red : at % 3 === 2 ? blue : 90) + ((at * (number + 7)) % 67),
    );
    return encode({ width: 32, height: 32, channels: 3, data });
  };
  const entries = Array.from({ length: count }, (_, number) => [
    [`warm/${number}.png`, picture(number, 190, 20)] as const,
    [`cold/${number}.png`, picture(number, 20, 190)] as const,
  ]);
  return Object.fromEntries(entries.flat());
}

async function weightsHash(run: string, from?: ObjectStore): Promise<string | undefined> {
  const store = from ?? (await target.store());
  const result = await readResult(store, run);
  expect(result, runKey(run, 'result.json')).toBeDefined();
  const { manifest } = await readVersion(store, result!.version);
  return manifest.files.find((file) => file.path === 'weights.bin')?.sha256;
}

function connect(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}
