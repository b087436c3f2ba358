import { readFileSync } from 'node:fs';
import { App, Duration } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { METRICS } from '#inference/telemetry/metrics.ts';
import { ClassifierStack, type ClassifierStackProps } from '../classifier-stack.ts';
import { alarmNames, runbookHeading } from './alarms.ts';
import { STUCK_JOBS } from './job-states-line.ts';
import { withDefaults } from './thresholds.ts';
import { watchCount } from './watch-count.ts';

// biome-ignore lint/suspicious/noExplicitAny: properties of any resource
type Properties = any;

const root = new URL('../../', import.meta.url);

function synthesize(props: ClassifierStackProps = {}, id = 'Cifar10'): Template {
  const context = { 'aws:cdk:bundling-stacks': [] };
  const images = { trainingImage: 'training:1', cpuTrainingImage: 'training-cpu:1' };
  const stack = new ClassifierStack(new App({ context, builtinCloudFormationValidation: false }), id, {
    ...images,
    ...props,
  });
  return Template.fromStack(stack);
}

/** Synthesized once: it takes seconds. */
const template = synthesize({ email: 'me@example.org', budget: 20 });

const propertiesOf = (type: string): Properties[] =>
  Object.values(template.findResources(type)).map(({ Properties }) => Properties);

/** The alarm of a name, such as `JobStuck`. */
function alarm(name: string): Properties {
  const found = Object.entries(template.findResources('AWS::CloudWatch::Alarm'));
  return found.find(([id]) => id.startsWith(`Watch${name}`))?.[1].Properties;
}

/** The dashboard's body, in which a resource is its logical id. */
function dashboardBody(): { widgets: Properties[] } {
  const { DashboardBody } = propertiesOf('AWS::CloudWatch::Dashboard')[0];
  const parts: unknown[] = DashboardBody['Fn::Join'][1];
  const text = parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part).replace(/[^\w:]/g, '')));
  return JSON.parse(text.join(''));
}

/** The metrics that widgets name, as `namespace name`. */
function shownMetrics(): string[] {
  return dashboardBody()
    .widgets.flatMap(({ properties }) => properties.metrics ?? [])
    .filter(([namespace]: [unknown]) => typeof namespace === 'string')
    .map(([namespace, name]: [string, string]) => `${namespace} ${name}`);
}

describe('Watch', () => {
  it('has as many alarms, dashboards and metrics as are counted as its cost, which a new account has for nothing', () => {
    template.resourceCountIs('AWS::CloudWatch::Alarm', watchCount.alarms);
    template.resourceCountIs('AWS::CloudWatch::Dashboard', watchCount.dashboards);
    expect(watchCount.alarms).toBeLessThanOrEqual(10);
    expect(propertiesOf('AWS::CloudWatch::Alarm').filter(({ Metrics }) => Metrics !== undefined)).toEqual([]);
    expect(Object.keys(METRICS).length + watchCount.customMetrics).toBeLessThanOrEqual(10);
    expect(dashboardBody().widgets.flatMap(({ properties }) => properties.metrics ?? []).length).toBeLessThan(50);
  });

  it.each([
    ['ServerErrors', 'AWS/ApiGateway', '5XXError', 'Average', 60, 0.05, 5, 3],
    ['SlowAnswers', 'AWS/ApiGateway', 'Latency', 'p99', 60, 3000, 5, 3],
    ['Throttles', 'AWS/Lambda', 'Throttles', 'Sum', 300, 10, 1, undefined],
    ['Crashes', 'AWS/Lambda', 'Errors', 'Sum', 60, 1, 5, 2],
    ['InternalErrors', 'Cifar10', 'Failed', 'Sum', 300, 5, 1, undefined],
    ['UncertainAnswers', 'Cifar10', 'Uncertain', 'Average', 900, 0.5, 4, undefined],
    ['JobFailed', 'AWS/Events', 'TriggeredRules', 'Sum', 300, 1, 1, undefined],
    ['JobStuck', 'Cifar10', 'StuckJobs', 'Maximum', 300, 1, 6, undefined],
    ['QueueBlocked', 'AWS/Events', 'TriggeredRules', 'Sum', 300, 1, 1, undefined],
    ['NoticeFailed', 'AWS/Lambda', 'Errors', 'Sum', 300, 1, 1, undefined],
  ] as const)('%s rings by %s %s', (name, namespace, metric, statistic, period, threshold, periods, datapoints) => {
    const properties = alarm(name);
    expect(properties).toMatchObject({
      ...{ Namespace: namespace, MetricName: metric, Period: period, Threshold: threshold },
      EvaluationPeriods: periods,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      TreatMissingData: 'notBreaching',
    });
    expect(properties.Statistic ?? properties.ExtendedStatistic).toBe(statistic);
    expect(properties.DatapointsToAlarm).toBe(datapoints);
  });

  it('tells the topic when an alarm begins and ends, but for a failed job, of which there is a notice', () => {
    const topic = { Ref: expect.stringMatching(/^WatchTopic/) };
    for (const name of alarmNames) {
      const actions = name === 'JobFailed' ? undefined : [topic];
      expect(alarm(name), name).toMatchObject(actions ? { AlarmActions: actions, OKActions: actions } : {});
      expect(alarm(name).AlarmActions, name).toEqual(actions);
    }
  });

  it('has alarms whose description names a section of docs/runbooks.md, and the page has one for each', () => {
    const page = readFileSync(new URL('docs/runbooks.md', root), 'utf8');
    const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    for (const name of alarmNames) {
      expect(alarm(name).AlarmDescription).toMatch(`What to do: docs/runbooks.md, "${runbookHeading(name)}".`);
      expect(headings).toContain(runbookHeading(name));
    }
  });

  it('shows only metrics that something emits', () => {
    const emitted = new Set([
      ...Object.keys(METRICS).map((name) => `Cifar10 ${name}`),
      `Cifar10 ${STUCK_JOBS}`,
      // https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
      ...['Count', '4XXError', '5XXError', 'Latency'].map((name) => `AWS/ApiGateway ${name}`),
      // https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
      ...['Errors', 'Throttles', 'Duration'].map((name) => `AWS/Lambda ${name}`),
      'AWS/Events TriggeredRules',
      'AWS/Billing EstimatedCharges',
    ]);
    const shown = shownMetrics();
    expect(shown.filter((metric) => !emitted.has(metric))).toEqual([]);
    expect(new Set(shown)).toEqual(emitted);
  });

  it('lays out the dashboard without gaps and overlaps, and queries logs that exist', () => {
    const { widgets } = dashboardBody();
    const cells = widgets.flatMap(({ x, y, width, height }) =>
      Array.from({ length: width * height }, (_, at) => `${x + (at % width)},${y + Math.floor(at / width)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(cells.length % 24).toBe(0);
    const queries = widgets.filter(({ type }) => type === 'log').map(({ properties }) => properties.query);
    expect(queries.map((query) => /SOURCE '(?:Ref:)?([A-Za-z]+Logs)/.exec(query)?.[1])).toEqual([
      'WatchJobStatesCountLogs',
      'WatchJobStatesCountLogs',
      'WatchJobStatesCountLogs',
      'ClassifierLogs',
    ]);
  });

  it('hears of failed jobs, but of no child and of none that a Spot instance took along', () => {
    const queue = (name: string) => ({
      'Fn::GetAtt': [Match.stringLikeRegexp(`^Training${name}[0-9A-F]{8}$`), 'JobQueueArn'],
    });
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.batch'],
        'detail-type': ['Batch Job State Change'],
        detail: {
          status: ['FAILED'],
          arrayProperties: { index: [{ exists: false }] },
          $or: [
            {
              jobQueue: [queue('Queue'), queue('CpuQueue')],
              statusReason: [{ 'anything-but': { prefix: 'Host EC2' } }],
            },
            { jobQueue: [queue('OnDemandQueue'), queue('CpuOnDemandQueue')] },
          ],
        },
      },
    });
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.batch'],
        'detail-type': ['Batch Job Queue Blocked'],
        detail: { jobQueue: ['Queue', 'OnDemandQueue', 'CpuQueue', 'CpuOnDemandQueue'].map(queue) },
      },
      Targets: [
        Match.objectLike({
          Arn: { Ref: Match.stringLikeRegexp('^WatchTopic') },
          InputTransformer: Match.objectLike({
            InputTemplate: Match.stringLikeRegexp('blocks its queue.*--target aws explains it'),
          }),
        }),
      ],
    });
  });

  it('lets CloudWatch and EventBridge of this account, and nobody without TLS, tell the topic', () => {
    const [{ PolicyDocument }] = propertiesOf('AWS::SNS::TopicPolicy');
    expect(PolicyDocument.Statement).toEqual([
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      expect.objectContaining({
        ...{ Effect: 'Allow', Action: 'sns:Publish', Principal: { Service: 'cloudwatch.amazonaws.com' } },
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
      }),
      expect.objectContaining({ Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' } }),
    ]);
  });

  it('tells the address of alarms, and of a budget by AWS Budgets itself', () => {
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'me@example.org' });
    template.hasResourceProperties('AWS::Budgets::Budget', {
      Budget: { BudgetType: 'COST', TimeUnit: 'MONTHLY', BudgetLimit: { Amount: 20, Unit: 'USD' } },
      NotificationsWithSubscribers: [
        {
          Notification: { NotificationType: 'ACTUAL', Threshold: 80, ThresholdType: 'PERCENTAGE' },
          Subscribers: [{ SubscriptionType: 'EMAIL', Address: 'me@example.org' }],
        },
        { Notification: { NotificationType: 'FORECASTED', Threshold: 100 } },
      ],
    });
  });

  it('outputs what the next deployment keeps', () => {
    template.hasOutput('Email', { Value: 'me@example.org' });
    template.hasOutput('Budget', { Value: '20' });
    template.hasOutput('NoticeTopicArn', {});
  });

  it('leaves everything out where it is off, but keeps the address for when it is on', () => {
    const off = synthesize({ watch: 'off', email: 'me@example.org', budget: 20 });
    expect(Object.keys(off.toJSON().Resources).filter((id) => id.startsWith('Watch'))).toEqual([]);
    for (const type of [
      'AWS::CloudWatch::Alarm',
      'AWS::CloudWatch::Dashboard',
      'AWS::SNS::Topic',
      'AWS::Budgets::Budget',
    ]) {
      off.resourceCountIs(type, 0);
    }
    off.hasOutput('Watch', { Value: 'off' });
    off.hasOutput('Email', { Value: 'me@example.org' });
  });

  it('takes other thresholds, and a stage has metrics of its own', () => {
    const thresholds = { latency: Duration.seconds(1), stuckFor: Duration.hours(2), uncertainShare: 0.2, throttles: 3 };
    const dev = synthesize({ thresholds, stage: 'dev' }, 'Cifar10-dev');
    const rings = (properties: object) => dev.hasResourceProperties('AWS::CloudWatch::Alarm', properties);
    rings({ MetricName: 'Latency', Threshold: 1000 });
    rings({ MetricName: 'StuckJobs', Namespace: 'Cifar10-dev', EvaluationPeriods: 24 });
    rings({ MetricName: 'Uncertain', Namespace: 'Cifar10-dev', Threshold: 0.2 });
    rings({ MetricName: 'Throttles', Threshold: 3 });
    rings({ MetricName: 'Errors', Threshold: 1 });
    const environment = { CIFAR10_ALIAS: 'production', CIFAR10_METRICS: 'Cifar10-dev' };
    dev.resourcePropertiesCountIs('AWS::Lambda::Function', { Environment: { Variables: environment } }, 2);
    const notices = { CIFAR10_COMMAND_OPTIONS: '--target aws --stage dev' };
    dev.hasResourceProperties('AWS::Lambda::Function', { Environment: { Variables: notices } });
    dev.resourceCountIs('AWS::SNS::Subscription', 0);
    dev.resourceCountIs('AWS::Budgets::Budget', 0);
  });
});

describe('thresholds', () => {
  it.each([
    [{ serverErrorShare: 5 }, 'thresholds.serverErrorShare is 5. Give a share above 0 and at most 1'],
    [{ uncertainShare: 0 }, 'thresholds.uncertainShare is 0.'],
    [{ throttles: 0 }, 'thresholds.throttles is 0. Give a whole number, at least 1.'],
    [{ crashes: 1.5 }, 'thresholds.crashes is 1.5.'],
    [{ latency: Duration.millis(0) }, 'thresholds.latency is 0 ms.'],
    [
      { stuckFor: Duration.minutes(7) },
      'thresholds.stuckFor is 7 minutes. Give a multiple of 5 minutes, a day at most.',
    ],
    [{ stuckFor: Duration.days(2) }, 'thresholds.stuckFor is 2880 minutes.'],
  ])('refuses %o', (thresholds, message) => {
    expect(() => withDefaults(thresholds)).toThrow(message);
  });
});
