import { expect, test } from 'vitest';
import { METRIC_NAMESPACE, METRICS, type MetricName } from './metrics.ts';
import { withMetrics } from './metrics-log.ts';

test('adds metrics to the line of a request as CloudWatch reads them, and keeps what it held before', () => {
  const lines: Record<string, unknown>[] = [];
  const log = withMetrics((level, message, facts) => lines.push({ level, message, ...facts }));
  const request = { path: '/classify', status: 200, milliseconds: 2.5, label: 'cat', score: 0.9, uncertain: false };
  log('info', 'request', { ...request, timing: { decode: 0.5, predict: 1.25, total: 2 } });
  log('info', 'request', { path: '/model', status: 503, milliseconds: 1 });
  log('info', 'model loaded', { version: 'v' });

  const [first, second, third] = lines;
  expect(first).toMatchObject({
    ...{ ...request, Latency: 2.5, Decode: 0.5, Predict: 1.25, Confidence: 0.9, Uncertain: 0, ColdStart: 1, Failed: 0 },
    _aws: { Timestamp: expect.any(Number), CloudWatchMetrics: [{ Namespace: METRIC_NAMESPACE, Dimensions: [[]] }] },
  });
  expect(second).toMatchObject({ Latency: 1, ColdStart: 0, Failed: 1 });
  for (const line of [first!, second!]) {
    const { CloudWatchMetrics } = line._aws as { CloudWatchMetrics: { Metrics: { Name: string; Unit: string }[] }[] };
    for (const { Name, Unit } of CloudWatchMetrics[0]!.Metrics) {
      expect(line[Name], Name).toBeTypeOf('number');
      expect(['Milliseconds', 'Count', 'None']).toContain(Unit);
      expect(Unit, Name).toBe(METRICS[Name as MetricName].unit);
    }
  }
  expect(third).toEqual({ level: 'info', message: 'model loaded', version: 'v' });
});

test('metrics are in the namespace that is given', () => {
  const lines: Record<string, unknown>[] = [];
  withMetrics((_level, _message, facts) => lines.push({ ...facts }), 'Cifar10-dev')('info', 'request', { status: 200 });
  expect(lines[0]).toMatchObject({ _aws: { CloudWatchMetrics: [{ Namespace: 'Cifar10-dev' }] } });
});

test('a batch has one value per image, and counts as failed if one of them met an internal error', () => {
  const lines: Record<string, unknown>[] = [];
  const log = withMetrics((_level, _message, facts) => lines.push({ ...facts }));
  log('info', 'request', { status: 200, score: [0.9, 0.2], uncertain: [false, true], timing: { predict: 1 } });
  log('error', 'request', { status: 200, images: 2, failed: 1, error: new TypeError('a bug') });

  expect(lines[0]).toMatchObject({ Confidence: [0.9, 0.2], Uncertain: [0, 1], Predict: 1, Failed: 0 });
  expect(lines[0]).not.toHaveProperty('Decode');
  expect(lines[1]).toMatchObject({ Failed: 1 });
});
