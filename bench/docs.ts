import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { cloneWorkTree, commandBlocks, runBlock } from '../test/command-blocks.ts';

/**
 * Runs every command block of the documentation in one fresh clone, as a reader would who begins with the README. Blocks that
 * need an AWS account are left out.
 *
 * @throws {UserError} a block fails
 */
export async function checkDocs(): Promise<void> {
  const docs = (await readdir('docs', { recursive: true })).filter((name) => name.endsWith('.md')).sort();
  const pages = ['README.md', 'CONTRIBUTING.md', ...docs.map((name) => path.join('docs', name))];
  const blocks = pages.flatMap(commandBlocks).filter(({ needsAws }) => !needsAws);
  const clone = await mkdtemp(path.join(tmpdir(), 'cifar10-docs-'));
  cloneWorkTree(clone);
  const failed: string[] = [];
  try {
    for (const { page, line, commands } of blocks) {
      const start = performance.now();
      const problem = await runBlock(commands, clone).then(
        () => undefined,
        (error: Error) => error.message,
      );
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      console.log(`${problem === undefined ? '✓' : '✗'} ${page}:${line}  ${seconds} s${problem ? `\n${problem}` : ''}`);
      if (problem !== undefined) failed.push(`${page}:${line}`);
    }
  } finally {
    await runBlock(['./cifar10 local down'], clone).catch(() => {});
    await rm(clone, { recursive: true, force: true });
  }
  if (failed.length > 0) throw new UserError(`${failed.length} of ${blocks.length} blocks fail: ${failed.join(', ')}.`);
}
