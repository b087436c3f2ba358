/**
 * The commands that talk to a cloud, in the order in which one uses them, on the stack that is really deployed: what they
 * export is what they do, less the printing.
 */

import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BatchClient, GetJobQueueSnapshotCommand } from '@aws-sdk/client-batch';
import {
  CloudFormationClient,
  GetTemplateCommand,
  UpdateStackCommand,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import { LambdaClient, UpdateAliasCommand } from '@aws-sdk/client-lambda';
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { Sign } from '#inference/client/client.ts';
import { requestSigner, type SigningCredentials } from '#inference/client/sign.ts';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { mergeAnswers } from '#jobs/merge-answers.ts';
import { deployStack } from '#local/test-stack.ts';
import { moveAlias } from '#models/aliases.ts';
import { deleteVersion } from '#models/delete-version.ts';
import { exampleVersion } from '#models/example-version.ts';
import type { PlanOf } from '#models/plans/plan.ts';
import { listSubmissions } from '#models/plans/submissions.ts';
import { createSubmission, readSubmission } from '#models/submissions.ts';
import { listVersions, publishVersion, readVersion } from '#models/versions.ts';
import { png } from '#training/datasets/pictures/pictures.fixture.ts';
import type { TrainingEvent } from '#training/record/events.ts';
import { describeOwnPictures } from '../../test/own-pictures.contract.ts';
import { usedPermissions } from '../../test/policies.ts';
import { descendantsOf } from '../../test/processes.ts';
import { activeJobs, endJob, findJob, type Job, listJobs, stateOf } from '../batch/batch-jobs.ts';
import { followJob } from '../batch/follow-job.ts';
import { exitCodeOf } from '../batch/follow-on-terminal.ts';
import { jobLog, type LogLine, lastLogLines } from '../batch/job-log.ts';
import { submitJob } from '../batch/submit-job.ts';
import { testCode } from '../code-gate/test-code.ts';
import { authorizedFetch } from '../endpoint/authorized-fetch.ts';
import { classifyImage } from '../endpoint/endpoint.ts';
import { endpointLog } from '../endpoint/endpoint-log.ts';
import { stackEndpoint } from '../endpoint/stack-endpoint.ts';
import { storeClassifyPlan } from '../fleet/classify-plan.fixture.ts';
import { followPlanJobs } from '../fleet/follow-plan.ts';
import { cancelPlan, planJobs } from '../fleet/plan-jobs.ts';
import { submitPlan } from '../fleet/submit-plan.ts';
import { type PersonRole, permissionsOf, policyDocument } from '../policy/role-policy.ts';
import { readProgress } from '../runs/run-progress.ts';
import { runCdk } from './cdk.ts';
import { contextArguments, deploy } from './deploy.ts';
import { settleOptions } from './deploy-options.ts';
import { destroy, findDeployed } from './destroy.ts';
import { moveLiveCode, readLiveCode } from './live-code.ts';
import { rotateKey } from './rotate-key.ts';
import stackBefore from './stack-before.json' with { type: 'json' };
import { localTarget, openTarget, type StackOutputs, type Target } from './target.ts';

/** A dozen steps of the smallest network that trains on TensorFlow. By so few held-out images nobody can tell what it learned. */
const short = { recipe: 'seed', set: ['epochs=0.02', 'heldOut=16'] };

describe('the cloud commands', () => {
  let target: Target;
  let stack: StackOutputs;
  const reported: string[] = [];
  let before: Before;
  beforeAll(async () => {
    target = localTarget(inject('localStack').endpoint);
    before = await deployBefore(target);
    stack = await deploy(target, { report: (line) => reported.push(line) });
  });

  afterAll(async () => {
    for (const job of await activeJobs(target, stack).catch(() => []))
      await endJob(target, job, 'the tests have ended');
  });

  it('deploy says how far it is, and gives the outputs of the stack', async () => {
    expect(reported[0]).toBe('prepare the account for CDK');
    expect(reported.some((line) => /^\d+( of \d+)? resources, AWS::/.test(line))).toBe(true);
    expect(stack).toEqual(await target.stack());
  });

  it('deploy updates the stack of an earlier release in place: bucket, address and key stay', async () => {
    const { BucketName, RestApiId, ApiKeyId, StageName } = before.outputs;
    expect(stack).toMatchObject({ BucketName, RestApiId, ApiKeyId, StageName });
    expect(await target.apiKey(stack)).toBe(before.key);
    const { card } = await readVersion(await target.store(), before.version);
    expect(card.classes).toHaveLength(10);
  });

  it('deploy creates an endpoint that requires the key to classify, but not to report its health', async () => {
    const url = target.apiUrl(stack);
    const body = new Uint8Array(3072);

    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    const refused = await fetch(`${url}/classify`, { method: 'POST', body });
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(await refused.json()).toMatchObject({ status: 403, code: 'invalid-api-key' });
    const key = (await target.apiKey(stack)) ?? '';
    const answer = await fetch(`${url}/classify`, { method: 'POST', body, headers: { 'x-api-key': key } });
    expect(await answer.json()).toMatchObject({ status: 503, code: 'no-model-yet' });
  });

  it('an endpoint whose function may not run at once says that it is busy, and when to ask again', async () => {
    const url = target.apiUrl(stack);
    const headers = { Authorization: 'AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/lambda/aws4_request' };
    const lambda = target.clientConfig.endpoint;
    const listed = await fetch(`${lambda}/2015-03-31/functions/`, { headers });
    const { Functions: functions } = (await listed.json()) as { Functions: Record<string, unknown>[] };
    const own = functions.find((each) => JSON.stringify(each).includes(`s3://${stack.BucketName}`));
    expect(own).toMatchObject({ Runtime: 'nodejs24.x' });
    const concurrency = `${lambda}/2017-10-31/functions/${own?.FunctionName}/concurrency`;
    await fetch(concurrency, { method: 'PUT', headers, body: '{"ReservedConcurrentExecutions":0}' });
    try {
      const busy = await fetch(`${url}/health/live`);
      expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '1']);
      expect(await busy.json()).toMatchObject({ status: 429, code: 'busy' });
    } finally {
      await fetch(concurrency, { method: 'DELETE', headers });
    }
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  describeOwnPictures(async () => {
    const apiKey = await target.apiKey(stack);
    return { store: await target.store(), endpoint: { url: target.apiUrl(stack), apiKey } };
  });

  it('--target aws follows AWS_ENDPOINT_URL to the endpoint of the stack as well, and says where it is', async () => {
    const { AWS_ENDPOINT_URL: address } = target.environment;
    const program = path.resolve(import.meta.dirname, '../cifar10.ts');
    const { said } = await command(target, ['classify', program, '--target', 'aws']);
    expect(said).toContain(`AWS account 000000000000, region us-east-1, at ${address}`);
    expect(said).toMatch(/is not an image|No model is served yet/);
  });

  it('logs tells what the endpoint was asked', async () => {
    await vi.waitFor(async () => {
      const lines = await textOf(endpointLog(target, stack, { follow: false, since: 600 }));
      expect(lines).toContain('/classify');
    }, 10_000);
  });

  it('submit queues a job that trains; following it tells its states and what the training says', async () => {
    const submitted = await submitJob(target, { ...short, seed: 3, run: 'short.1' });
    const states: string[] = [];
    const events: TrainingEvent[] = [];
    const onJob = ({ status }: Job) => void (states.at(-1) !== status && states.push(status));
    const job = await followJob(target, submitted, { onJob, onEvent: (event) => events.push(event) });

    expect(exitCodeOf(job), (await lastLogLines(target, job, 20)).join('\n')).toBe(0);
    expect(states.at(-1)).toBe('SUCCEEDED');
    expect(states).toContain('RUNNING');
    expect(job.command.slice(0, 4)).toEqual(['train', 'seed', '--run', 'short.1']);
    expect(events[0]).toMatchObject({ type: 'started', run: 'short.1', recipe: 'seed', seed: 3 });
    expect(events.filter(({ type }) => type === 'started')).toHaveLength(1);
    expect(events.at(-1)?.type).toBe('saved');
  });

  it('submit refuses a run that has finished, or was submitted with other arguments, and starts no job', async () => {
    const before = await listJobs(target, stack);

    await expect(submitJob(target, { ...short, seed: 3, run: 'short.1' })).rejects.toThrow(
      /has finished with version \d/,
    );
    await expect(submitJob(target, { ...short, seed: 4, run: 'short.1' })).rejects.toThrow(
      /was submitted as "train seed/,
    );
    await expect(submitJob(target, { recipe: 'quik' })).rejects.toThrow('did you mean "quick"');
    expect(await listJobs(target, stack)).toHaveLength(before.length);
  });

  it('a training that fails ends with its own exit code, and the log says why', async () => {
    const store = await target.store();
    const args = { recipe: 'seed', seed: 1, settings: { epochs: 9 } };
    await store.put('runs/taken/args.json', new TextEncoder().encode(JSON.stringify(args)));

    const job = await followJob(target, await submitJob(target, { ...short, run: 'taken', on: 'cpu' }));

    expect(job.status).toBe('FAILED');
    expect(exitCodeOf(job)).toBe(2);
    expect(job.attempts).toHaveLength(1); // bad arguments are not worth another attempt
    expect((await lastLogLines(target, job, 20)).join('\n')).toContain('epochs: 9, not 0.02');
    expect(await textOf(jobLog(target, stack, 'taken', { follow: true }))).toContain('epochs: 9, not 0.02');
  });

  it('a job continues when it is not followed any more, and ends for good when it is cancelled', async () => {
    const submitted = await submitJob(target, { recipe: 'seed', set: ['epochs=1000'], run: 'long' });
    await expect(submitJob(target, { recipe: 'seed', set: ['epochs=1000'], run: 'long' })).rejects.toThrow(
      'is still running',
    );

    const detach = new AbortController();
    const onEvent = () => detach.abort(new Error('detached'));
    await expect(followJob(target, submitted, { onEvent, signal: detach.signal })).rejects.toThrow('detached');
    expect((await findJob(target, stack, 'long')).status).toBe('RUNNING');
    expect((await readProgress(await target.store(), 'long'))?.epochs).toBeCloseTo(1000, 3);

    // A LocalStack that ends: to its clients it is an address where nothing answers any more.
    const gate = await openGate(target.clientConfig.endpoint!);
    const closes = { onJob: () => gate.close() };
    await expect(followJob(localTarget(gate.endpoint), submitted, closes)).rejects.toThrow(
      'LocalStack has ended, and the job of run long with it. What the run has kept is in .cifar10/store. To resume it:\n' +
        '  ./cifar10 local up && ./cifar10 deploy && ./cifar10 submit seed --run long --set epochs=1000',
    );

    await endJob(target, await findJob(target, stack, submitted.id), 'enough');
    const job = await followJob(target, submitted);
    expect(job).toMatchObject({ status: 'FAILED', wasCancelled: true, reason: expect.stringContaining('enough') });
    expect(stateOf(job)).toBe('cancelled');
    expect(exitCodeOf(job)).not.toBe(0);
    // A person's shell has none of the job's environment: what the log says to type is "submit".
    const log = (await lastLogLines(target, job, 20)).join('\n');
    expect(log).toContain('./cifar10 submit seed --set epochs=1000 --run long');
  });

  it('jobs lists those of both queues, the newest first, and finds one by its run and by its id', async () => {
    const jobs = await listJobs(target, stack);

    expect(jobs.map(({ run, device }) => [run, device])).toEqual([
      ['long', 'gpu'],
      ['taken', 'cpu'],
      ['short.1', 'gpu'],
    ]);
    expect(await activeJobs(target, stack)).toEqual([]);
    for (const job of jobs) {
      expect(await findJob(target, stack, job.run)).toEqual(job);
      expect(await findJob(target, stack, job.id)).toEqual(job);
    }
    await expect(findJob(target, stack, 'short_1')).rejects.toThrow('no job or run "short_1"');
  });

  it('an array gives every shard of its plan one result, though its submitter and half of its children are killed', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-array-'));
    const store = await target.store();
    const stored = await storeClassifyPlan(store, 12, { folder, pictures: 2 });
    const { id, plan } = stored;
    const submitter = spawn(process.execPath, [
      ...[
        '--import',
        './setup/typescript.mjs',
        'cli/fleet/submit-plan.fixture.ts',
        target.clientConfig.endpoint!,
        id,
        '4',
      ],
    ]);
    await vi.waitFor(async () => expect(await listSubmissions(store, id)).toEqual(['0001']), { timeout: 60_000 });
    submitter.kill('SIGKILL');

    expect(await submitPlan(target, stored, { atMost: 4 })).toMatchObject({ missing: expect.any(Number) });
    const killed = new Set<number>();
    const state = followPlanJobs(target, id);
    await vi.waitFor(
      async () => {
        const children = await descendantsOf(inject('localStack').pid);
        const next = children.find(({ pid, command }) => command.includes(' shards --plan') && !killed.has(pid));
        if (next) process.kill(next.pid, 'SIGKILL');
        if (next) killed.add(next.pid);
        expect(killed.size).toBe(2);
      },
      { timeout: 60_000, interval: 100 },
    );

    expect(await state).toMatchObject({ total: 12, done: 12 });
    const jobs = await planJobs(target, stack, id);
    expect(jobs.at(-1)).toMatchObject({ device: 'cpu', children: 4, isArray: true });
    expect(await submitPlan(target, stored)).toMatchObject({ missing: 0, children: 0 });
    // The table has each picture once, in the order of the lists.
    const table = await mergeAnswers(store, id, plan as PlanOf<'classify'>);
    const rows = Buffer.from((await store.get(table!.key))!.body)
      .toString()
      .trimEnd()
      .split('\n');
    const files = rows.map((row) => path.basename((JSON.parse(row) as { file: string }).file));
    expect(files).toEqual(Array.from({ length: 24 }, (_, at) => `${Math.floor(at / 2)}-${at % 2}.png`));
    await cancelPlan(target, id, 'the test has ended');
    await rm(folder, { recursive: true });
  });

  it('classify --array answers the pictures of a bucket as classify does those of a folder, broken ones included', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-pictures-'));
    const store = await target.store();
    const names = Array.from({ length: 12 }, (_, at) => `${String(at).padStart(2, '0')}.png`);
    for (const [at, name] of names.entries()) {
      const body = at === 5 ? Buffer.from('no picture') : png(at);
      await writeFile(path.join(folder, name), body);
      await store.put(`pictures/small/${name}`, body);
    }
    const prefix = `s3://${stack.BucketName}/pictures/small`;
    const options = ['--version', before.version, '--json'];
    const out = path.join(folder, 'answers.jsonl');
    const array = ['classify', `${prefix}/`, '--array', '--yes', '--target', 'aws', ...options, '--out', out];

    const [jobs, here] = await Promise.all([
      command(target, array),
      command(target, ['classify', folder, '--store', store.url, ...options]),
    ]);

    expect([jobs.code, here.code], jobs.said).toEqual([1, 1]); // One of them is broken.
    const table = rowsOf(await readFile(out, 'utf8'));
    expect(table.map(({ file }) => file)).toEqual(names.map((name) => `${prefix}/${name}`));
    const answers = (rows: readonly PictureRow[]) => rows.map(({ file, ...row }) => [path.basename(file), row]);
    expect(answers(table)).toEqual(answers(rowsOf(here.printed)));
    expect(table.filter(({ error }) => error).map(({ file }) => file)).toEqual([`${prefix}/05.png`]);
    const { uses, refusals } = await usedPermissions(target.clientConfig.endpoint!, target.stackName);
    const own = uses
      .filter(({ role }) => role === 'TrainingClassifyJobRole')
      .map(({ action, on }) => `${action} ${on}`);
    expect(own).toContain('s3:GetObject pictures/*');
    expect(refusals.filter(({ role }) => role === 'TrainingClassifyJobRole')).toEqual([]);
    await rm(folder, { recursive: true });
  });

  it('a reader with the printed policy lists, reads logs and classifies, and nothing else', async () => {
    await asUser(await userOf('reader'), async (reader) => {
      const found = await reader.stack();
      const store = await reader.store();
      expect(await listVersions(store)).toContain(before.version);
      expect(await listJobs(reader, found)).toEqual(await listJobs(target, stack));
      const order = new GetJobQueueSnapshotCommand({ jobQueue: found.CpuJobQueueArn });
      expect((await new BatchClient(reader.clientConfig).send(order)).frontOfQueue).toBeDefined();
      const endpoint = await stackEndpoint(reader, found);
      await expect(classifyImage(endpoint, new Uint8Array(3072))).rejects.toThrow('No model is served yet');
      await expect.poll(() => textOf(endpointLog(reader, found, { follow: false, since: 600 }))).toContain('/classify');

      await expect(submitJob(reader, { ...short, run: 'of-a-reader' })).rejects.toThrow('AccessDenied');
      await expect(store.put('aliases/production.json', Buffer.from('{}'))).rejects.toThrow('AccessDenied');
      await expect(rotateKey(reader, 'begin', () => {})).rejects.toThrow('cloudformation:UpdateStack');
    });
  });

  it('a submitter with the printed policy submits, follows, cancels and reads, and nothing else', async () => {
    await asUser(await userOf('submitter'), async (submitter) => {
      const found = await submitter.stack();
      const store = await submitter.store();
      const submitted = await submitJob(submitter, { ...short, from: before.version, run: 'of-a-submitter' });
      const following = followJob(submitter, submitted, {});
      await endJob(submitter, await findJob(submitter, found, submitted.id), 'no longer needed');
      expect((await following).status).toBe('FAILED');
      expect(await readSubmission(store, 'of-a-submitter')).toMatchObject({
        command: expect.arrayContaining(['seed', before.version]),
      });
      expect(await listVersions(store)).toContain(before.version);
      const command = ['train', 'seed', '--run', 'from-a-version', '--from', before.version];
      await createSubmission(store, 'from-a-version', { at: new Date().toISOString(), by: 'a submitter', command });

      await expect(store.put('aliases/production.json', Buffer.from('{}'))).rejects.toThrow('AccessDenied');
      await store.delete('runs/of-a-submitter/checkpoint.json'); // As a sweep does at its end.
      await expect(store.delete('runs/of-a-submitter/submission.json')).rejects.toThrow('AccessDenied');
      await expect(store.delete(`models/${before.version}/manifest.json`)).rejects.toThrow('AccessDenied');
      await expect(rotateKey(submitter, 'begin', () => {})).rejects.toThrow('cloudformation:UpdateStack');
      const role = `arn:aws:iam::000000000000:role/cdk-hnb659fds-deploy-role-000000000000-us-east-1`;
      const assuming = new STSClient().send(new AssumeRoleCommand({ RoleArn: role, RoleSessionName: 'deploy' }));
      await expect(assuming).rejects.toThrow('sts:AssumeRole');
    });
  });

  it('an operator with the printed policy moves aliases and deletes versions, and nothing else', async () => {
    const unwanted = await publishVersion(await target.store(), exampleVersion());
    await asUser(await userOf('operator'), async (operator) => {
      const store = await operator.store();
      const expected = await moveAlias(store, 'trial', { to: unwanted, by: 'a test', expected: undefined });
      await moveAlias(store, 'trial', { to: before.version, by: 'a test', expected });
      await deleteVersion(store, unwanted);
      expect(await listVersions(store)).not.toContain(unwanted);

      await expect(submitJob(operator, { ...short, run: 'of-an-operator' })).rejects.toThrow('AccessDenied');
      await expect(store.put('data/set.bin', Buffer.from(''))).rejects.toThrow('AccessDenied');
      await expect(store.delete('runs/of-a-submitter/submission.json')).rejects.toThrow('AccessDenied');
    });
  });

  it('code that fails its smoke test has a share of the requests, then all, and moves back: the endpoint answers again', async () => {
    const before = await readLiveCode(target, stack.ClassifierFunctionName);
    const updated = await deployBrokenCode(target);
    const live = `${target.apiUrl(stack)}/health/live`;
    expect((await fetch(live)).status).toBe(502);

    await giveShare(target, stack, { version: before!.version, next: updated.ClassifierVersion! });
    const statuses = new Set<number>();
    for (let request = 0; request < 20; request++) statuses.add((await fetch(live)).status);
    expect(statuses).toEqual(new Set([200, 502]));

    await moveLiveCode(target, (await readLiveCode(target, stack.ClassifierFunctionName))!, updated.ClassifierVersion!);
    const endpoint = { url: target.apiUrl(stack), apiKey: await target.apiKey(stack) };
    const options = { before, endpoint, report: () => {}, note: () => {} };
    await expect(testCode(target, updated, options)).rejects.toThrow(
      /came {6}no answer \(TypeError: broken.*\)\n {2}live {6}version 1, as before the deployment: it passes the same test/,
    );
    expect((await fetch(live)).status).toBe(200);
  }, 60_000);

  it('key rotate makes a second key beside the first, and the next deployment leaves both', async () => {
    const older = (await target.apiKey(stack)) ?? '';
    // By who may deploy, and may do nothing else, with a policy that was printed before there was a second key.
    const [user, reader] = [await userOf('deployer'), await userOf('reader')];
    const newer = await asUser(user, async (deployer) => {
      stack = await rotateKey(deployer, 'begin', () => {});
      return (await deployer.apiKey(stack)) ?? '';
    });
    expect(newer).not.toBe(older);
    // Whose policy names the older key alone has that one, as long as it is valid.
    expect(await asUser(reader, async (person) => person.apiKey(stack))).toBe(older);
    expect(stack.PreviousApiKeyId).toBe(before.outputs.ApiKeyId);
    expect([await statusWith(older), await statusWith(newer), await statusWith('x')]).toEqual([503, 503, 403]);
    await expect(rotateKey(target, 'begin', () => {})).rejects.toThrow('A rotation is under way');

    // It makes mended code live.
    const notes: string[] = [];
    const deployed = await asUser(user, async (deployer) => {
      const store = await deployer.store();
      await expect(store.put('aliases/production.json', Buffer.from('{}'))).rejects.toThrow('AccessDenied');
      await expect(submitJob(deployer, { ...short, run: 'of-a-deployer' })).rejects.toThrow('AccessDenied');
      return await deploy(deployer, { origins: ['https://example.org'], note: (text) => notes.push(text) });
    });
    expect(notes).toContain('version 1 of the code is live, not the last one: the new one gets all requests at once');
    expect(await readLiveCode(target, stack.ClassifierFunctionName)).toMatchObject({
      version: deployed.ClassifierVersion,
      next: undefined,
    });
    expect(deployed).toMatchObject({ Origins: 'https://example.org', ApiKeyId: stack.ApiKeyId });
    expect(deployed.PreviousApiKeyId).toBe(stack.PreviousApiKeyId);
    expect([await statusWith(older), await statusWith(newer)]).toEqual([503, 503]);

    stack = await rotateKey(target, 'finish', () => {});
    expect(stack).not.toHaveProperty('PreviousApiKeyId');
    expect([await statusWith(older), await statusWith(newer)]).toEqual([403, 503]);
    await expect(rotateKey(target, 'finish', () => {})).rejects.toThrow('No rotation is under way');
  });

  async function statusWith(key: string): Promise<number> {
    const headers = { 'x-api-key': key };
    const url = `${target.apiUrl(stack)}/classify`;
    return (await fetch(url, { method: 'POST', body: new Uint8Array(3072), headers })).status;
  }

  it('deploy that was killed is repeated, keeps what it was asked for before, and the updated endpoint serves a version that was stored before', async () => {
    const store = await target.store();
    await moveAlias(store, 'production', { to: before.version, by: 'a test', expected: undefined });

    const auth = 'iam';
    // The first try is killed when CDK is about to hand the template over.
    let killed: Promise<void> | undefined;
    const kill = async () => {
      const cdk = (await descendantsOf(process.pid)).find(({ command }) => /aws-cdk\/bin\/cdk deploy/.test(command));
      process.kill(cdk!.pid, 'SIGKILL');
    };
    const report = (line: string) => {
      if (line === 'build assets') killed ??= kill();
    };
    await expect(deploy(target, { auth, report })).rejects.toThrow('"cdk deploy" failed');
    await killed;
    stack = await deploy(target, { auth });

    expect(stack).toMatchObject({ Auth: 'iam', Origins: 'https://example.org', RestApiId: before.outputs.RestApiId });
    expect(stack).not.toHaveProperty('ApiKeyId');
    const endpoint = await stackEndpoint(target, stack);
    await vi.waitFor(async () => {
      const { model } = await classifyImage(endpoint, new Uint8Array(3072), { topK: 3 });
      expect(model.version).toBe(before.version);
    }, 20_000);
  });

  it('cdk diff finds nothing to change after a deployment', async () => {
    const contexts = contextArguments(target, settleOptions(target, {}, stack));
    const lines: string[] = [];
    await runCdk(target, ['diff', target.stackName, '--fail', '--method', 'template', ...contexts], (line) =>
      lines.push(line),
    );
    expect(lines.join('\n')).toContain('There were no differences');
  });

  it('an endpoint that takes signed requests refuses all others, and asks the policy of who signs', async () => {
    const url = target.apiUrl(stack);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    const refused = await fetch(`${url}/classify`, { method: 'POST', body: new Uint8Array(3072) });
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(await refused.json()).toMatchObject({ status: 403, code: 'unsigned' });

    const asked = async (sign: Sign) => {
      const answer = await authorizedFetch({ sign })(`${url}/classify?top_k=2`, {
        ...{ method: 'POST', body: new Uint8Array(3072), headers: { 'content-type': 'application/octet-stream' } },
      });
      return ((await answer.json()) as { code?: string }).code ?? answer.status;
    };
    const signer = (keys: SigningCredentials) => requestSigner({ region: 'us-east-1', credentials: async () => keys });
    const [reader, deployer] = [await userOf('reader'), await userOf('deployer')];
    expect(await asked(signer(reader))).toBe(200);
    expect(await asked(signer({ ...reader, secretAccessKey: 'another' }))).toBe('invalid-signature');
    expect(await asked(signer({ ...deployer, accessKeyId: 'AKIANOBODY' }))).toBe('invalid-signature');
    expect(await asked(signer(await userOf(undefined)))).toBe('access-denied');
    // What was signed is what must arrive.
    const tampering: Sign = async (request) => {
      const signed = await signer(reader)(request);
      return new Request(signed.url.replace('top_k=2', 'top_k=3'), signed);
    };
    expect(await asked(tampering)).toBe('invalid-signature');
  });

  /** A new user with the policy of a role, or with none. */
  async function userOf(role: PersonRole | undefined): Promise<SigningCredentials> {
    const UserName = `${role ?? 'nobody'}-${randomUUID()}`;
    await askIam({ Action: 'CreateUser', UserName });
    if (role !== undefined) {
      const PolicyDocument = JSON.stringify(policyDocument(permissionsOf(role, target, stack)));
      await askIam({ Action: 'PutUserPolicy', UserName, PolicyName: 'cifar10', PolicyDocument });
    }
    const made = await askIam({ Action: 'CreateAccessKey', UserName });
    const [, accessKeyId = ''] = /<AccessKeyId>(.*?)<\/AccessKeyId>/.exec(made) ?? [];
    const [, secretAccessKey = ''] = /<SecretAccessKey>(.*?)<\/SecretAccessKey>/.exec(made) ?? [];
    return { accessKeyId, secretAccessKey };
  }

  /** Asks IAM, as who may do everything. */
  async function askIam(parameters: Record<string, string>): Promise<string> {
    const answer = await fetch(target.clientConfig.endpoint!, {
      method: 'POST',
      body: new URLSearchParams({ ...parameters, Version: '2010-05-08' }),
      headers: { Authorization: 'AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/iam/aws4_request' },
    });
    const text = await answer.text();
    expect(answer.status, text).toBe(200);
    return text;
  }

  /** Works as the commands do with `--target aws`, here at LocalStack, with a user's keys. */
  async function asUser<Result>(keys: SigningCredentials, work: (target: Target) => Promise<Result>): Promise<Result> {
    // A test before may have led this process to another cloud.
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_ACCESS_KEY_ID', keys.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', keys.secretAccessKey);
    vi.stubEnv('AWS_ENDPOINT_URL', target.clientConfig.endpoint);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    try {
      return await work(await openTarget({ target: 'aws' }));
    } finally {
      vi.unstubAllEnvs();
    }
  }

  it('destroy takes the stack down, and the bucket with all of its versions where that is asked for', async () => {
    await destroy(target, await findDeployed(target), { deleteModels: true });

    await expect(target.stack()).rejects.toThrow('is not deployed');
    const s3 = new S3Client(target.clientConfig);
    await expect(s3.send(new HeadBucketCommand({ Bucket: stack.BucketName }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
  });
});

interface Before {
  readonly outputs: StackOutputs;
  readonly key: string | undefined;
  /** A version in its bucket. */
  readonly version: string;
}

/**
 * Deploys the stack as it was before, by the template in `stack-before.json`, and stores a version in its bucket. That file is
 * what "npx cdk synth --json -c trainingImage=cifar10-training:local" printed, without parameters and rules: to be renewed with
 * each release, so that whoever has it deployed can update it.
 */
async function deployBefore(target: Target): Promise<Before> {
  const functions = Object.values<{ Type: string; Properties: object }>(stackBefore.Resources).filter(
    ({ Type }) => Type === 'AWS::Lambda::Function',
  );
  // The program of then is in no bucket any more.
  for (const { Properties } of functions) Object.assign(Properties, { Code: { ZipFile: 'export {};' } });
  await deployStack(stackBefore, target.stackName, target.clientConfig);
  const outputs = await target.stack();
  const version = await publishVersion(await target.store(), await exampleModel());
  return { outputs, key: await target.apiKey(outputs), version };
}

/** Deploys code that throws at every request, by the template that is deployed. */
async function deployBrokenCode(target: Target): Promise<StackOutputs> {
  const client = new CloudFormationClient(target.clientConfig);
  const StackName = target.stackName;
  const { TemplateBody = '' } = await client.send(new GetTemplateCommand({ StackName }));
  const [version = ''] = /ClassifierHandlerCurrentVersion\w+/.exec(TemplateBody) ?? [];
  const template = JSON.parse(TemplateBody.replaceAll(version, `${version}Broken`));
  const [handler = ''] = Object.keys(template.Resources).filter((id) => /^ClassifierHandler[0-9A-F]{8}$/.test(id));
  template.Resources[handler].Properties.Code = {
    ZipFile: "exports.handler = async () => { throw new TypeError('broken'); };",
  };
  await client.send(
    new UpdateStackCommand({ StackName, TemplateBody: JSON.stringify(template), Capabilities: ['CAPABILITY_IAM'] }),
  );
  await waitUntilStackUpdateComplete({ client, maxWaitTime: 120, minDelay: 1, maxDelay: 1 }, { StackName });
  return target.stack();
}

/** As CodeDeploy does on AWS: half of the requests go over. */
async function giveShare(
  target: Target,
  { ClassifierFunctionName: FunctionName }: StackOutputs,
  { version: FunctionVersion, next }: { readonly version: string; readonly next: string },
): Promise<void> {
  const RoutingConfig = { AdditionalVersionWeights: { [next]: 0.5 } };
  await new LambdaClient(target.clientConfig).send(
    new UpdateAliasCommand({ FunctionName, Name: 'live', FunctionVersion, RoutingConfig }),
  );
}

/** An address at which a server answers until it is closed. */
async function openGate(endpoint: string): Promise<{ readonly endpoint: string; close(): void }> {
  const { hostname, port } = new URL(endpoint);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const upstream = connect(Number(port), hostname);
    for (const each of [socket, upstream]) sockets.add(each.on('error', () => {}));
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A command of a process of its own, in the environment of AWS's account, which leads to LocalStack. */
async function command(
  { environment }: Target,
  words: readonly string[],
): Promise<{ readonly code: number; readonly printed: string; readonly said: string }> {
  const program = path.resolve(import.meta.dirname, '../cifar10.ts');
  // A test before may have led this process to another cloud.
  const env = { ...process.env, ...environment };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', import.meta.resolve('#setup/typescript.mjs'), program, ...words],
      { env },
      (_, printed, errors) => resolve({ code: child.exitCode ?? -1, printed, said: printed + errors }),
    );
  });
}

type PictureRow = { readonly file: string; readonly error?: unknown };

function rowsOf(lines: string): PictureRow[] {
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as PictureRow);
}

async function textOf(lines: AsyncIterable<LogLine>): Promise<string> {
  let text = '';
  for await (const line of lines) text += `${line.text}\n`;
  return text;
}
