import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App } from 'aws-cdk-lib';
import { ClassifierStack } from '#infra/classifier-stack.ts';

/** The part of a template that tests read. */
export interface StackTemplate {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: Record<string, unknown> }>>;
}

/** The stack's template, with an image from a registry. The program of the function is left out. */
export function synthesizeStack(): StackTemplate {
  const outdir = mkdtempSync(path.join(tmpdir(), 'policies-'));
  try {
    const context = { 'aws:cdk:bundling-stacks': [] };
    const app = new App({ outdir, context, builtinCloudFormationValidation: false });
    new ClassifierStack(app, 'Cifar10', { trainingImage: 'training:1' });
    return app.synth().getStackByName('Cifar10').template;
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
