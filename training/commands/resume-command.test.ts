import { afterEach, expect, test, vi } from 'vitest';
import { resumeCommand } from './resume-command.ts';

const run = { recipe: 'minute', set: ['epochs=0.5', 'widths=8,8,8'], seed: 1, out: 's3://bucket', run: 'c1' };

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a run of this machine is resumed by the same command, in the same store', () => {
  expect(resumeCommand({ ...run, out: 'my models', from: 'production', recipe: undefined })).toBe(
    "./cifar10 train --from production --set epochs=0.5 --set widths=8,8,8 --seed 1 --out 'my models' --run c1",
  );
  expect(resumeCommand(run)).toContain('--out s3://bucket');
  expect(resumeCommand({ ...run, data: 'photos', onBad: 'skip' })).toContain(
    'minute --data photos --on-bad skip --set',
  );
});

test.each([
  ['http://127.0.0.1:4566', ''],
  ['', ' --target aws'],
])('a job is submitted again, where it ran: %j', (endpoint, target) => {
  vi.stubEnv('AWS_BATCH_JOB_ID', 'a-job');
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint);
  expect(resumeCommand(run)).toBe(`./cifar10 submit minute --set epochs=0.5 --set widths=8,8,8 --run c1${target}`);
  expect(resumeCommand({ ...run, seed: 2, data: 'other' })).toContain('minute --data other --set epochs=0.5');
});
