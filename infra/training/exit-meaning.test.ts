import { expect, it } from 'vitest';
import { exitMeaning } from './exit-meaning.ts';

const exited = 'Essential container in task exited';
const memory = 'OutOfMemoryError: Container killed due to memory usage';

it.each([
  // Killed, for three reasons, and for none that is known.
  [{ exitCode: 137, reason: `${exited}; ${memory}` }, 'out of memory'],
  [{ exitCode: 137, reason: 'Host EC2 (instance i-0123456789abcdef0) terminated.' }, 'Spot'],
  [{ exitCode: 137, reason: 'Job attempt duration exceeded timeout' }, 'longer than an attempt may'],
  [{ exitCode: 137, reason: exited }, 'a reason that Batch does not give'],
  [{ exitCode: 75, reason: 'Host EC2 (instance i-0) terminated.' }, 'interrupted, with a checkpoint'],
  [{ exitCode: 75 }, 'interrupted, with a checkpoint'],
  [{ exitCode: 1, reason: exited }, 'the program failed'],
  [{ reason: 'Task failed to start; CannotPullContainerError: not found' }, 'cannot be pulled'],
])('of %j', (attempt, meaning) => {
  expect(exitMeaning(attempt)).toContain(meaning);
});

it('says nothing of what it does not know', () => {
  expect(exitMeaning({ exitCode: 42, reason: 'changed my mind' })).toBeUndefined();
  expect(exitMeaning({})).toBeUndefined();
});
