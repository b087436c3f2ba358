import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { App, Stack } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainingImage } from './training-image.ts';

const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));
/** Not part of the repository, and slow to copy. */
const generated = new Set(['node_modules', '.git', '.cifar10', 'cdk.out', 'out']);

describe('trainingImage', () => {
  let folder: string;
  let repository: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'training-image-'));
    repository = path.join(folder, 'repository');
    const isSource = (source: string) => !generated.has(path.relative(repositoryRoot, source).split(path.sep)[0] ?? '');
    cpSync(repositoryRoot, repository, { recursive: true, filter: isSource });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function hashOf(device: 'gpu' | 'cpu'): string {
    const app = new App({ outdir: mkdtempSync(path.join(folder, 'out-')), builtinCloudFormationValidation: false });
    trainingImage(new Stack(app, 'Stack'), { device, directory: repository });
    app.synth();
    const assets = JSON.parse(readFileSync(path.join(app.outdir, 'Stack.assets.json'), 'utf8'));
    const [hash] = Object.keys(assets.dockerImages);
    return hash ?? '';
  }

  function change(file: string): void {
    mkdirSync(path.dirname(path.join(repository, file)), { recursive: true });
    appendFileSync(path.join(repository, file), '// changed');
  }

  it('is left alone when what it is not made of changes', () => {
    const before = [hashOf('gpu'), hashOf('cpu')];

    for (const file of [
      'README.md',
      'docs/setup.md',
      'jobs/main.test.ts',
      'training/engine/few-steps.fixture.ts',
      'setup/localstack.lock',
      'setup/localstack-tests.lock',
      'setup/steps.mjs',
      'inference/app.ts',
      'inference/page/page.css',
      'infra/classifier-stack.ts',
      'cli/program.ts',
      'local/localstack.ts',
      'bench/bench.ts',
    ])
      change(file);

    expect([hashOf('gpu'), hashOf('cpu')]).toEqual(before);
  });

  it.each([
    'jobs/main.ts',
    'inference/engine/network.ts',
    'models/card.ts',
    'setup/wheels.mjs',
    'setup/log-level.cc',
    'package-lock.json',
  ])('is rebuilt when %s changes', (file) => {
    const before = [hashOf('gpu'), hashOf('cpu')];
    change(file);
    const after = [hashOf('gpu'), hashOf('cpu')];
    for (const [index, hash] of before.entries()) expect(after[index]).not.toBe(hash);
  });

  it('is rebuilt when its own Dockerfile changes, and not when the other one does', () => {
    const before = [hashOf('gpu'), hashOf('cpu')];
    change('training/Dockerfile.cpu');
    expect(hashOf('gpu')).toBe(before[0]);
    expect(hashOf('cpu')).not.toBe(before[1]);
  });

  it.each([
    ['gpu', 'training/Dockerfile'],
    ['cpu', 'training/Dockerfile.cpu'],
  ] as const)('for %s is built from %s for x86-64', (device, dockerFile) => {
    const app = new App({ outdir: mkdtempSync(path.join(folder, 'out-')), builtinCloudFormationValidation: false });
    trainingImage(new Stack(app, 'Stack'), { device, directory: repository });
    app.synth();
    const assets = JSON.parse(readFileSync(path.join(app.outdir, 'Stack.assets.json'), 'utf8'));
    expect(Object.values(assets.dockerImages)).toMatchObject([{ source: { dockerFile, platform: 'linux/amd64' } }]);
  });

  it.each(['', 'training', 'https://registry/training:1', 'training:1 ', 'Training:1', 'training@sha256:abc'])(
    'refuses %j, which is not an image',
    (registryUri) => {
      const image = (device: 'gpu' | 'cpu') => trainingImage(new Stack(), { device, registryUri });
      expect(() => image('gpu')).toThrow(`trainingImage is "${registryUri}"`);
      expect(() => image('cpu')).toThrow(`cpuTrainingImage is "${registryUri}"`);
    },
  );

  it.each([
    'training:local',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b:1',
    `localhost:5000/t@sha256:${'a'.repeat(64)}`,
  ])('takes %s from its registry', (registryUri) => {
    const stack = new Stack();
    expect(trainingImage(stack, { device: 'gpu', registryUri })).toMatchObject({ imageName: registryUri });
  });
});
