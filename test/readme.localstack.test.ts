/**
 * The commands of the README, run as printed in a fresh clone, one block after the other; "npm start" last, since it serves a
 * model that is there, and trains for minutes if none is. Blocks that need an AWS account are left out, and so are the commands
 * that run the tests.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cloneWorkTree, commandBlocks, runBlock } from './command-blocks.ts';

/** The commands that run this test, or take as long as all tests. */
const runsTests = /^npm (test|run (check|bench))\b/;
const blocks = commandBlocks('README.md')
  .filter(({ needsAws }) => !needsAws)
  .map(({ line, commands }) => ({ line, commands: commands.filter((command) => !runsTests.test(command)) }))
  .filter(({ commands }) => commands.length > 0)
  .sort((a, b) => Number(startsAll(a)) - Number(startsAll(b)));

function startsAll({ commands }: { readonly commands: readonly string[] }): boolean {
  return commands.some((command) => command.startsWith('npm start'));
}

let clone: string;
beforeAll(async () => {
  clone = await mkdtemp(path.join(tmpdir(), 'cifar10-readme-'));
  cloneWorkTree(clone);
});
afterAll(async () => {
  await runBlock(['./cifar10 local down'], clone);
  await rm(clone, { recursive: true, force: true });
});

// A slow machine that also runs all other tests takes ten times as long for a training as a fast one.
it.each(blocks)('README.md:$line', { timeout: 2_700_000 }, async ({ commands }) => {
  // "serve" in the README listens on its default port.
  await expect(isFree(8080), 'The README needs port 8080; another program uses it.').resolves.toBe(true);
  const printed = await runBlock(commands, clone);
  // "npm start" says so if its model is worse than the post's.
  expect(printed).not.toContain('This is below');
});

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
