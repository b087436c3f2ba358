import { expect, test } from 'vitest';
import { roundUp } from './round-up.ts';

test('rounds up, so that a limit is never exceeded', () => {
  expect([1e-6, 1.01e-6, 1.5e-5, 9.5e-7, 0.5].map(roundUp)).toEqual(['1e-6', '2e-6', '2e-5', '1e-6', '5e-1']);
});
