import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MEGABYTE = 1024 * 1024;

/** Bytes that a process holds after it has run this. */
async function heldBy(program: string): Promise<number> {
  const options = ['--expose-gc', '--import', 'tsx', '--import', join(import.meta.dirname, 'live-heap.ts')];
  const script = `(() => { ${program} })(); const wait = setInterval(() => {}, 1000); process.once('SIGTERM', () => clearInterval(wait))`;
  const child = spawn(process.execPath, [...options, '--eval', script], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  child.send('how much?');
  const [held] = (await once(child, 'message')) as [number];
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  return held;
}

test('counts what a process still needs, on the heap and beside it, and not what it has thrown away', async () => {
  const numbers = 'Array.from({ length: 2 ** 21 }, Math.random)';
  const nothing = await heldBy(`${numbers}; Buffer.alloc(64 * ${MEGABYTE})`);
  const some = await heldBy(`globalThis.kept = [${numbers}, Buffer.alloc(64 * ${MEGABYTE})]`);
  expect(nothing).toBeLessThan(40 * MEGABYTE);
  expect((some - nothing) / MEGABYTE).toBeGreaterThan(78);
  expect((some - nothing) / MEGABYTE).toBeLessThan(90);
});
