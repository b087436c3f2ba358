import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { jsonLog } from '#inference/telemetry/log.ts';
import { withMetrics } from '#inference/telemetry/metrics-log.ts';
import { describeLoggedText } from './log-line.ts';

/** What people see of a line that the deployed endpoint logs. */
function shown(...[level, message, facts]: Parameters<ReturnType<typeof withMetrics>>): string {
  let text = '';
  const log = jsonLog((line) => {
    text = line;
  });
  withMetrics(log)(level, message, facts);
  return stripVTControlCharacters(describeLoggedText(text.trimEnd()) ?? '');
}

const request = { requestId: 'a', method: 'POST', path: '/classify', status: 200, milliseconds: 13 };

test.each([
  [
    { label: 'cat', score: 0.9512, uncertain: false, timing: { decode: 1, predict: 2 } },
    '200 POST /classify 13 ms cat 0.95',
  ],
  [{ images: 3, failed: 1, timing: { predict: 2 } }, '200 POST /classify 13 ms 3 images, 1 refused'],
  [{ label: ['cat', 'dog'], score: [0.9, 0.8], uncertain: [false, false] }, '200 POST /classify 13 ms 2 images'],
  [{ status: 415, detail: 'The body is text.' }, '415 POST /classify 13 ms The body is text.'],
  [{ path: '/health/live' }, '200 POST /health/live 13 ms'],
])('a request with %j is one short line', (facts, line) => {
  expect(shown('info', 'request', { ...request, ...facts })).toBe(line);
});

test('other lines keep their facts, and an error its trace', () => {
  expect(shown('info', 'model loaded', { version: 'v', milliseconds: 20 })).toBe(
    '· model loaded version v, milliseconds 20',
  );
  const lines = shown('error', 'model refused', { version: 'v', error: new Error('torn') }).split('\n');
  expect(lines.slice(0, 2)).toEqual(['! model refused version v', 'Error: torn']);
  expect(lines[2]).toContain('log-line.test.ts');
});

test.each([
  ['START RequestId: 1 Version: $LATEST', undefined],
  ['END RequestId: 1', undefined],
  ['INIT_START Runtime Version: nodejs:22.v1', undefined],
  ['REPORT RequestId: 1\tDuration: 3 ms\tMax Memory Used: 90 MB', undefined],
  ['REPORT RequestId: 1\tDuration: 3 ms\tStatus: timeout', 'REPORT RequestId: 1\tDuration: 3 ms\tStatus: timeout'],
  ['Task timed out after 3.00 seconds', 'Task timed out after 3.00 seconds'],
  ['{"no": "line of ours"}', '{"no": "line of ours"}'],
])('of what the runtime logs, %j is shown as %j', (text, line) => {
  expect(describeLoggedText(text)).toBe(line);
});
