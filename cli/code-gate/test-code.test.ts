/** What becomes of new code after a deployment, on a server that answers as Lambda, API Gateway and CodeDeploy do. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { moveAlias } from '#models/aliases.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { type LiveCode, moveLiveCode, readLiveCode } from '../stack/live-code.ts';
import type { Target } from '../stack/target.ts';
import { brokenProgram, CodeCloud, programOn } from './code-cloud.fixture.ts';
import { testWhileShifting } from './shifting.ts';
import { testCode } from './test-code.ts';

/** The version that is live before each deployment. */
const before: LiveCode = { function: 'f', version: '1', next: undefined, revision: '1' };

let folder: string;
let store: ObjectStore;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cifar10-code-'));
  store = folderStore(path.join(folder, 'store'));
  model = await publishVersion(store, await exampleModel());
  await moveAlias(store, 'production', { to: model, by: 'a test', expected: undefined });
});

afterAll(() => rm(folder, { recursive: true }));

/** A function whose version 1 was live, and whose version 2 was just deployed, and is live. */
async function givenCode(programs = { 1: programOn(store), 2: programOn(store) }, models = store) {
  const cloud = new CodeCloud(models);
  for (const [version, program] of Object.entries(programs)) cloud.programs.set(version, program);
  cloud.alias.version = '2';
  const target = await cloud.open();
  return { cloud, target };
}

async function whenTested(target: Target, cloud: CodeCloud, live: LiveCode | 'none' = before) {
  const notes: string[] = [];
  const endpoint = { url: `${cloud.url}/api`, apiKey: 'key' };
  const options = {
    before: live === 'none' ? undefined : live,
    endpoint,
    report: () => {},
    note: (text: string) => void notes.push(text),
  };
  const passed = await testCode(target, cloud.stack, options).catch((error: Error) => error);
  return { passed, notes, said: passed instanceof Error ? passed.message : '' };
}

describe('testCode', () => {
  it('asks the new version itself and then the gateway: ready, golden pictures, refused without a key', async () => {
    const { cloud, target } = await givenCode();
    await using _ = cloud;

    const { passed, notes } = await whenTested(target, cloud);

    expect(passed).toMatchObject({ model, pictures: 4 });
    expect(notes).toEqual([
      expect.stringMatching(new RegExp(`^version 2: it is ready with ${model}, and answers its 4 golden pictures`)),
      expect.stringMatching(/^gateway: it is ready .*, and refuses whoever has no key or signature$/),
    ]);
    expect(cloud.alias.version).toBe('2');
  });

  it('moves the alias back from code that throws, and says what came, what is live and where the log is', async () => {
    const { cloud, target } = await givenCode({ 1: programOn(store), 2: brokenProgram });
    await using _ = cloud;

    const { said } = await whenTested(target, cloud);

    expect(said).toContain('asked     version 2 of f, without the gateway');
    expect(said).toContain('expected  GET /health/ready answers 200 with a model');
    expect(said).toContain('came      no answer (TypeError: x is not a function');
    expect(said).toContain('live      version 1, as before the deployment: it passes the same test');
    expect(said).toContain('log       ./cifar10 logs endpoint --since 10m (log)');
    expect(cloud.alias.version).toBe('1');
    expect((await fetch(`${cloud.url}/api/health/ready`)).status).toBe(200);
  });

  it('moves it back from code that is ready, and answers the golden pictures wrongly', async () => {
    const good = programOn(store);
    const wrong: typeof good = async (event) => {
      const result = await good(event);
      return { ...result, body: result.body.replace(/"score":[\d.e-]+/g, '"score":0.1') };
    };
    const { cloud, target } = await givenCode({ 1: good, 2: wrong });
    await using _ = cloud;

    const { said } = await whenTested(target, cloud);

    expect(said).toContain(`answers the 4 golden pictures of ${model} within`);
    expect(said).toMatch(/came {6}probabilities that differ by up to 0\.\d+/);
    expect(cloud.alias.version).toBe('1');
  });

  it('moves it back where the gateway lets everybody classify, though the code is good', async () => {
    const { cloud, target } = await givenCode();
    await using _ = cloud;
    cloud.isClosed = false;

    const { said } = await whenTested(target, cloud);

    expect(said).toContain('asked     http://127.0.0.1');
    expect(said).toContain('expected  POST /classify without a key or a signature answers 403');
    expect(said).toContain(
      'live      version 1, as before the deployment: it fails the same test, so the code is not the only',
    );
    expect(cloud.alias.version).toBe('1');
  });

  it('takes an endpoint for good that says that there is no model yet', async () => {
    const empty = folderStore(path.join(folder, 'empty'));
    const { cloud, target } = await givenCode({ 1: programOn(empty), 2: programOn(empty) }, empty);
    await using _ = cloud;

    const { passed, notes } = await whenTested(target, cloud);

    expect(passed).toMatchObject({ model: undefined, pictures: 0 });
    expect(notes[0]).toContain('version 2: it says that there is no model yet');
  });

  it('says that there is nothing to go back to, after the first deployment, and where no code has changed', async () => {
    const { cloud, target } = await givenCode({ 1: programOn(store), 2: brokenProgram });
    await using _ = cloud;

    expect((await whenTested(target, cloud, 'none')).said).toContain('version 2, and there is none before it');
    expect((await whenTested(target, cloud, { ...before, version: '2' })).said).toContain('changed no code');
    expect(cloud.alias.version).toBe('2');
  });

  it('makes code live that failed before and passes now, and leaves code that still fails where it is', async () => {
    const { cloud, target } = await givenCode({ 1: programOn(store), 2: brokenProgram });
    await using _ = cloud;
    cloud.alias.version = '1';

    expect((await whenTested(target, cloud)).said).toContain('live      version 1, as before the deployment');
    expect(cloud.alias.version).toBe('1');
    cloud.programs.set('2', programOn(store));
    expect((await whenTested(target, cloud)).notes).toContain(
      'version 2 is live now; it was not since it failed before',
    );
    expect(cloud.alias.version).toBe('2');
  });

  it('asks the gateway alone where the user may not call the function', async () => {
    const { cloud, target } = await givenCode();
    await using _ = cloud;
    cloud.mayInvoke = false;

    const { passed, notes } = await whenTested(target, cloud);

    expect(passed).toMatchObject({ model, pictures: 4 });
    expect(notes[0]).toContain('lambda:InvokeFunction');
  });

  it('leaves an alias alone that somebody else has moved meanwhile', async () => {
    const { cloud, target } = await givenCode();
    await using _ = cloud;

    const live = await readLiveCode(target, 'f');
    await moveLiveCode(target, live!, '1');
    await expect(moveLiveCode(target, live!, '2')).rejects.toThrow('was moved by somebody else meanwhile');
    expect(cloud.alias.version).toBe('1');
  });
});

describe('testWhileShifting', () => {
  it('stops the deployment, which moves back, if the code fails that has a tenth of the requests', async () => {
    const { cloud, target } = await givenCode({ 1: programOn(store), 2: brokenProgram });
    await using _ = cloud;
    cloud.alias = { version: '1', next: '2', revision: 1 };
    cloud.deployments = ['d-1'];

    const { signal } = new AbortController();
    const failed = await testWhileShifting(target, cloud.stack, { store, signal });

    expect(failed?.came).toContain('x is not a function');
    expect(cloud.asked).toEqual([
      ['ListDeployments', expect.objectContaining({ applicationName: 'application', deploymentGroupName: 'group' })],
      ['StopDeployment', { deploymentId: 'd-1', autoRollbackEnabled: true }],
    ]);
  });

  it('stops nothing if the code is good, or no requests go over to it', async () => {
    const { cloud, target } = await givenCode();
    await using _ = cloud;
    const ended = new AbortController();

    cloud.alias = { version: '1', next: '2', revision: 1 };
    expect(await testWhileShifting(target, cloud.stack, { store, signal: ended.signal })).toBeUndefined();
    cloud.alias = { version: '1', next: undefined, revision: 2 };
    ended.abort();
    expect(await testWhileShifting(target, cloud.stack, { store, signal: ended.signal })).toBeUndefined();
    expect(cloud.asked).toEqual([]);
  });
});
