import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { jobPlace } from '#training/commands/place.ts';
import type { Job } from './batch-jobs.ts';
import { describeState, jobView } from './job-view.ts';

const base: Job = {
  id: 'a1',
  run: 'monday',
  device: 'gpu',
  queue: 'queue',
  command: ['train', 'quick', '--run', 'monday'],
  status: 'RUNNABLE',
  createdAt: new Date(0),
  attempts: [],
  attemptsAllowed: 5,
};

function terminal({ isTTY = false } = {}) {
  let text = '';
  const stream = Object.assign(
    new Writable({
      write(chunk, _, done) {
        text += chunk;
        done();
      },
    }),
    { isTTY, columns: 80 },
  );
  return { stream, text: () => stripVTControlCharacters(text) };
}

const interrupted = {
  at: '2026-11-23T04:12:00Z',
  type: 'interrupted',
  signal: 'SIGTERM',
  step: 7,
  resume: 'by hand',
} as const;

describe('jobView', () => {
  it('tells each state once, and why an attempt has ended', () => {
    const { stream, text } = terminal();
    const view = jobView(stream);
    const started = { ...base, startedAt: new Date(12_000) };
    const reclaimed = [{ reason: 'Host EC2 (instance i-0) terminated.', exitCode: 75 }];

    for (const job of [
      base,
      base,
      { ...base, status: 'STARTING' } as const,
      { ...started, status: 'RUNNING' } as const,
      { ...base, status: 'RUNNABLE', attempts: reclaimed } as const,
      { ...started, status: 'RUNNING', attempts: reclaimed } as const,
      { ...started, status: 'SUCCEEDED', attempts: reclaimed, stoppedAt: new Date(125_000) } as const,
    ]) {
      view.job(job);
    }
    view.end();

    expect(text().trimEnd().split('\n')).toEqual([
      'job waits for a machine',
      'job has a machine, which fetches the image, attempt 1 of 5',
      'job runs after 12 s in the queue, attempt 1 of 5',
      'attempt 1 ended: Host EC2 (instance i-0) terminated, exit code 75 (interrupted, with a checkpoint), 4 left',
      'job waits for a machine',
      'job runs after 12 s in the queue, attempt 2 of 5',
      'job succeeded after 2:05',
    ]);
  });

  it('tells when the run continues in another job, and the attempts of that', () => {
    const { stream, text } = terminal();
    const view = jobView(stream);
    const reclaimed = [{ reason: 'Host EC2 (instance i-0) terminated.' }];
    const went = '(its machine went away, as a reclaimed Spot Instance does)';

    view.job({ ...base, status: 'FAILED', attempts: reclaimed, attemptsAllowed: 1, stoppedAt: new Date(0) });
    view.job({ ...base, id: 'b2' });
    view.job({ ...base, id: 'b2', attempts: reclaimed });

    expect(text().trimEnd().split('\n')).toEqual([
      `attempt 1 ended: Host EC2 (instance i-0) terminated ${went}`,
      'job failed after 0 s',
      'job continues as b2',
      'job waits for a machine',
      `attempt 1 ended: Host EC2 (instance i-0) terminated ${went}, 4 left`,
      'job waits for a machine',
    ]);
  });

  it('tells of an interruption without how to resume by hand, which Batch does', () => {
    const { stream, text } = terminal();

    jobView(stream).event(interrupted);

    expect(text()).toBe('SIGTERM: a checkpoint is kept at step 7\n');
  });

  it('names a report that opens: LocalStack’s bucket is also a folder', () => {
    const { stream, text } = terminal();
    const store = 's3://bucket';
    const saved = { at: '2026-11-23T04:12:00Z', type: 'saved', version: 'v', store, run: 'monday' } as const;

    jobView(stream, { place: jobPlace(store, 'local') }).event(saved);

    expect(text()).toMatch(/^report \S+\/store\/runs\/monday\/report\.html$/m);
  });

  it.each([
    [false, 'job still waits: AWS has no free g5.xlarge at the moment\n  Batch keeps trying.\n  Or not.\n'],
    [
      true,
      '{"type":"wait","cause":"capacity","text":"AWS has no free g5.xlarge at the moment","advice":"Batch keeps trying.\\nOr not."}\n',
    ],
  ])('advises on a long wait, as JSON: %s', (json, expected) => {
    const { stream, text } = terminal();
    const [cause, advice] = ['capacity', 'Batch keeps trying.\nOr not.'] as const;

    jobView(stream, { json }).wait({ cause, text: 'AWS has no free g5.xlarge at the moment', advice });

    expect(text()).toBe(expected);
  });

  it('draws the wait over itself on a terminal', () => {
    const { stream, text } = terminal({ isTTY: true });
    const view = jobView(stream);

    view.job(base);
    view.job(base);
    view.end();

    expect(text()).toMatch(/^job waits for a machine\n\rwaits for a machine, [\d:]+\r$/);
  });

  it('prints events as they are and every change of the job as JSON', () => {
    const { stream, text } = terminal();
    const view = jobView(stream, { json: true });

    view.job(base);
    view.job(base);
    view.event(interrupted);

    expect(
      text()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([{ type: 'job', ...base, createdAt: '1970-01-01T00:00:00.000Z' }, interrupted]);
  });
});

it('fits the wait into one row, so that nothing of it stays', () => {
  const { stream, text } = terminal({ isTTY: true });
  const view = jobView(stream);
  const long = { ...base, reason: 'MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE and what else Batch has to say' };

  view.job(long);
  view.job(long);

  const [, drawn] = text().split('\r');
  expect(drawn).toHaveLength(79);
});

describe('describeState', () => {
  it('tells what comes before the queue from the wait in it', () => {
    expect(describeState({ ...base, status: 'SUBMITTED' })).toBe('was submitted, and is not in the queue yet');
    expect(describeState({ ...base, status: 'PENDING' })).toBe('waits for the jobs that it depends on');
    expect(describeState(base)).toBe('waits for a machine');
  });

  it('says why Batch has no machine for a job', () => {
    const reason = 'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for …';
    expect(describeState({ ...base, reason })).toBe(
      'waits for a machine: AWS has no free instance for it at the moment',
    );
    expect(describeState({ ...base, reason: 'something new' })).toBe('waits for a machine (something new)');
  });

  it('says why a job has failed', () => {
    const job = {
      ...base,
      status: 'FAILED',
      stoppedAt: new Date(3000),
      reason: 'Essential container in task exited',
    } as const;
    expect(describeState(job)).toBe('failed after 3 s (Essential container in task exited)');
    const cancelled = { ...job, wasCancelled: true, reason: 'enough' } as const;
    expect(describeState(cancelled)).toBe('was cancelled after 3 s (enough)');
  });
});
