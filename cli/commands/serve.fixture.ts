import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { moveAlias } from '#models/aliases.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';

/** `cifar10 serve` in a process of its own, over a folder in which `production` points to an example model. */
export interface Serving {
  readonly url: string;
  readonly process: ChildProcess;
  readonly store: ObjectStore;
  readonly version: string;
}

/**
 * Ends with an error if the process did not end by itself, and well, when it was told to.
 *
 * @param nodeOptions of its Node, besides the loader of TypeScript
 */
export async function withServing<Result>(
  work: (serving: Serving) => Promise<Result>,
  nodeOptions: readonly string[] = [],
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'cifar10-serve-'));
  const store = folderStore(folder);
  const version = await publishVersion(store, await exampleModel());
  await moveAlias(store, 'production', { to: version, by: 'an example', expected: undefined });
  const child = spawn(
    process.execPath,
    ['--import', './setup/typescript.mjs', ...nodeOptions, 'cli/cifar10.ts', 'serve', '--store', folder, '--port', '0'],
    { cwd: fileURLToPath(new URL('../..', import.meta.url)), stdio: ['ignore', 'pipe', 'ignore', 'ipc'] },
  );
  const ended = once(child, 'exit');
  try {
    const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    const [url] = /http:\S+/.exec((await lines.next()).value ?? '') ?? [];
    if (url === undefined) throw new Error('The server did not start.');
    await lines.next(); // The model is loaded.
    const result = await work({ url, process: child, store, version });
    child.kill('SIGTERM');
    const [code, signal] = await ended;
    if (code !== 0) throw new Error(`The server ended with ${code ?? signal}.`);
    return result;
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}
