import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { expect, it } from 'vitest';
import { localstackPython } from '#setup/localstack.mjs';
import lifecycle from './image-lifecycle.json' with { type: 'json' };
import { imageSynthesizer, trainingImage } from './training-image.ts';

const [untagged, ours] = lifecycle.rules;

it('expires the images that a deployment pushes, and no other stack’s', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'image-lifecycle-'));
  try {
    const app = new App({ outdir: folder, builtinCloudFormationValidation: false });
    const stack = new Stack(app, 'Stack', { synthesizer: imageSynthesizer() });
    trainingImage(stack, { device: 'cpu' });
    app.synth();
    const { dockerImages } = JSON.parse(readFileSync(path.join(folder, 'Stack.assets.json'), 'utf8'));
    const [image] = Object.values<{ destinations: object }>(dockerImages);
    const [{ imageTag }] = Object.values(image!.destinations);
    const [prefix] = ours!.selection.tagPrefixList!;
    expect(imageTag.startsWith(prefix)).toBe(true);
    // The tag of an asset of a stack without a prefix.
    expect('0123456789abcdef'.startsWith(prefix!)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('keeps the rule that cdk bootstrap sets', () => {
  const cdk = path.dirname(createRequire(import.meta.url).resolve('aws-cdk/package.json'));
  const template = readFileSync(path.join(cdk, 'lib/api/bootstrap/bootstrap-template.yaml'), 'utf8');
  const { rules } = JSON.parse(/LifecyclePolicyText: \|\s*(\{.*?\n {10}\})/s.exec(template)![1]!);
  expect(rules.map(({ selection }: { selection: object }) => selection)).toEqual([untagged!.selection]);
});

const python = localstackPython();

it.skipIf(python === undefined)('is a policy that ECR takes, by moto’s rules', () => {
  const program =
    'import sys; from moto.ecr.policy_validation import EcrLifecyclePolicyValidator as V; V(sys.stdin.read()).validate()';
  execFileSync(python!, ['-c', program], { input: JSON.stringify(lifecycle) });
});
