import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { METRIC_NAMESPACE, METRICS, type MetricName } from '#inference/telemetry/metrics.ts';
import { ModelBucket } from '../models/model-bucket.ts';
import { ClassifierFunction, type ClassifierFunctionProps } from './classifier-function.ts';

function givenFunction(
  alias = 'production',
  props: Pick<ClassifierFunctionProps, 'reservedConcurrency'> = {},
): { stack: Stack; classifier: ClassifierFunction } {
  const withoutBundling = { 'aws:cdk:bundling-stacks': [] };
  const stack = new Stack(new App({ context: withoutBundling, builtinCloudFormationValidation: false }));
  const models = new ModelBucket(stack, 'Models');
  return { stack, classifier: new ClassifierFunction(stack, 'Classifier', { models, alias, ...props }) };
}

describe('ClassifierFunction', () => {
  it.each([
    ['Latency', 'Average', 'Milliseconds'],
    ['Decode', 'Average', 'Milliseconds'],
    ['Predict', 'Average', 'Milliseconds'],
    ['Confidence', 'Average', 'None'],
    ['Uncertain', 'Sum', 'Count'],
    ['ColdStart', 'Sum', 'Count'],
    ['Failed', 'Sum', 'Count'],
  ] as const)('has the metric %s that the program emits: %s, %s', (name, statistic, unit) => {
    const { classifier } = givenFunction();

    const metric = classifier[`metric${name}`]().toMetricConfig().metricStat;
    expect(metric).toMatchObject({ namespace: METRIC_NAMESPACE, metricName: name, statistic, unitFilter: unit });
    expect(metric?.dimensions ?? []).toEqual([]);
    expect(METRICS[name].unit).toBe(unit);
  });

  it('has a method for each metric that the program emits', () => {
    const { classifier } = givenFunction();

    for (const name of Object.keys(METRICS) as MetricName[]) {
      expect(classifier[`metric${name}`]().metricName).toBe(name);
    }
  });

  it.each([
    ['metricInvocations', 'Invocations'],
    ['metricErrors', 'Errors'],
    ['metricThrottles', 'Throttles'],
  ] as const)('has Lambda’s own metric: %s', (method, metricName) => {
    const { stack, classifier } = givenFunction();

    const metric = classifier[method]().toMetricConfig().metricStat;
    expect(metric).toMatchObject({ namespace: 'AWS/Lambda', metricName, statistic: 'Sum' });
    const value = stack.resolve(classifier.handler.functionName);
    expect(stack.resolve(metric?.dimensions)).toEqual([{ name: 'FunctionName', value }]);
  });

  it('takes another statistic and period', () => {
    const { classifier } = givenFunction();

    const metric = classifier.metricLatency({ statistic: 'p99', period: Duration.minutes(1) });
    expect(metric).toMatchObject({ statistic: 'p99', period: Duration.minutes(1) });
  });

  it('runs as many calls at a time as the account allows, or as many as are reserved', () => {
    const template = (props: object) => Template.fromStack(givenFunction('production', props).stack);

    template({}).hasResourceProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: Match.absent() });
    template({ reservedConcurrency: 5 }).hasResourceProperties('AWS::Lambda::Function', {
      ReservedConcurrentExecutions: 5,
    });
  });

  it.each([0, 1.5, Number.NaN])('refuses to reserve %d calls', (reservedConcurrency) => {
    expect(() => givenFunction('production', { reservedConcurrency })).toThrow(
      `reservedConcurrency is ${reservedConcurrency}. Give a whole number of calls, at least 1.`,
    );
  });

  it.each(['', 'Production', '1st', 'a b'])('refuses the alias %j', (alias) => {
    expect(() => givenFunction(alias)).toThrow(`alias is "${alias}"`);
  });
});
