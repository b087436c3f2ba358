import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { sharedCores } from './shared-cores.ts';

test('jobs side by side on this machine are said to share its cores, those in AWS are not', () => {
  expect(sharedCores({ name: 'local' }, 2)).toContain(`2 jobs share the ${availableParallelism()} cores`);
  expect(sharedCores({ name: 'local' }, 1)).toBeUndefined();
  expect(sharedCores({ name: 'aws' }, 2)).toBeUndefined();
});
