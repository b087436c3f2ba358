import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

  function hashOfImage(): string {
    const app = new App({ outdir: mkdtempSync(path.join(folder, 'out-')), builtinCloudFormationValidation: false });
    trainingImage(new Stack(app, 'Stack'), { directory: repository });
    app.synth();
    const assets = JSON.parse(readFileSync(path.join(app.outdir, 'Stack.assets.json'), 'utf8'));
    const [hash] = Object.keys(assets.dockerImages);
    return hash ?? '';
  }

  it('is rebuilt when the training program changes, and not when the README does', () => {
    const before = hashOfImage();

    writeFileSync(path.join(repository, 'README.md'), 'changed');
    writeFileSync(path.join(repository, 'training', 'train.test.ts'), 'changed');
    const afterReadme = hashOfImage();
    writeFileSync(path.join(repository, 'training', 'main.ts'), '// changed');
    const afterProgram = hashOfImage();

    expect(afterReadme).toBe(before);
    expect(afterProgram).not.toBe(before);
  });

  it.each(['', 'training', 'https://registry/training:1', 'training:1 ', 'Training:1', 'training@sha256:abc'])(
    'refuses %j, which is not an image',
    (registryUri) => {
      expect(() => trainingImage(new Stack(), { registryUri })).toThrow(`trainingImage is "${registryUri}"`);
    },
  );

  it.each([
    'training:local',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b:1',
    `localhost:5000/t@sha256:${'a'.repeat(64)}`,
  ])('takes %s from its registry', (registryUri) => {
    const stack = new Stack();
    expect(trainingImage(stack, { registryUri })).toMatchObject({ imageName: registryUri });
  });
});
