/**
 * Starts one LocalStack for all tests of the project `localstack`, in a temporary folder and on a free port. It ends with
 * this process, even after SIGKILL. Tests find it by the standard AWS environment variables.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { type LocalStack, localEnvironment, startLocalStack, stopLocalStack } from '#local/localstack.ts';
import { localImages } from '#local/training-image.ts';

declare module 'vitest' {
  interface ProvidedContext {
    localStack: LocalStack;
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cifar10-localstack-'));
  const localStack = await startLocalStack({
    folder,
    port: 'any',
    bound: true,
    ephemeral: true,
    images: { ...localImages(), 'node:*': { folder: tmpdir(), entrypoint: [process.execPath] } },
    batch: { minimumTimeoutSeconds: 1, stopGraceSeconds: 5 },
  }).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  provide('localStack', localStack);
  // Test workers inherit this process's environment, which must not contain the user's AWS settings.
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, localEnvironment(localStack.endpoint));
  return async () => {
    await stopLocalStack(folder);
    await rm(folder, { recursive: true, force: true });
  };
}
