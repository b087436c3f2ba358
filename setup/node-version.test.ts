import { expect, test } from 'vitest';
import { nodeVersionProblem } from './node-version.mjs';

test.each(['20.19.0', '20.20.2', '22.0.0', '24.21.0', '100.0.0'])('Node %s is new enough', (version) => {
  expect(nodeVersionProblem(version)).toBeUndefined();
});

test.each(['20.18.3', '18.20.4', '9.11.2'])('Node %s is too old, and the message says what to install', (version) => {
  expect(nodeVersionProblem(version)).toMatch(new RegExp(`Node ${version} is too old: install Node 20\\.19 or newer`));
});
