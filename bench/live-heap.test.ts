import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { countingMemory, liveMemoryOf } from './live-memory.ts';

/** Live memory, in megabytes, of a process that has run `program`. */
async function heldBy(program: string): Promise<number> {
  const script = `(() => { ${program} })(); const wait = setInterval(() => {}, 1000); process.once('SIGTERM', () => clearInterval(wait))`;
  const child = spawn(process.execPath, ['--import', './setup/typescript.mjs', ...countingMemory, '--eval', script], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const held = await liveMemoryOf(child);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  return held;
}

test('counts the live memory of a process, on and off the heap, without its garbage', async () => {
  const numbers = 'Array.from({ length: 2 ** 21 }, Math.random)';
  const nothing = await heldBy(`${numbers}; Buffer.alloc(2 ** 26)`);
  const some = await heldBy(`globalThis.kept = [${numbers}, Buffer.alloc(2 ** 26)]`);
  expect(nothing).toBeLessThan(40);
  expect(some - nothing).toBeGreaterThan(78);
  expect(some - nothing).toBeLessThan(90);
});
