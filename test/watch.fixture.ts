/** What the test of the whole system needs to see alarms, notices and counts of a stack on LocalStack. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormationClient, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { ConfirmSubscriptionCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import type { Target } from '#cli/stack/target.ts';

/** What a subscriber receives. */
export interface Message {
  readonly Subject?: string;
  readonly Message: string;
}

/** Receives over HTTP whatever a topic is told, from now on. */
export async function subscribe(
  { clientConfig }: Target,
  TopicArn: string,
): Promise<{ readonly messages: readonly Message[]; readonly close: () => void }> {
  const messages: Message[] = [];
  const sns = new SNSClient(clientConfig);
  const token = await new Promise<{ readonly text: string; readonly close: () => void }>((resolve, reject) => {
    const server = createServer(async (request, response) => {
      const body = (await json(request)) as Message & { readonly Type: string; readonly Token: string };
      response.end();
      if (body.Type === 'SubscriptionConfirmation') resolve({ text: body.Token, close: () => server.close() });
      else messages.push(body);
    });
    server.listen(0, '127.0.0.1', () => {
      const Endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      sns.send(new SubscribeCommand({ TopicArn, Protocol: 'http', Endpoint })).catch(reject);
    });
  });
  await sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token: token.text }));
  return { messages, close: token.close };
}

/** A resource's physical id, by how its logical id begins. */
export async function physicalId({ clientConfig, stackName }: Target, logicalId: string): Promise<string> {
  const client = new CloudFormationClient(clientConfig);
  for await (const { StackResourceSummaries = [] } of paginateListStackResources(
    { client },
    { StackName: stackName },
  )) {
    const found = StackResourceSummaries.find(({ LogicalResourceId }) => LogicalResourceId?.startsWith(logicalId));
    if (found?.PhysicalResourceId) return found.PhysicalResourceId;
  }
  throw new Error(`The stack has no resource whose id begins with ${logicalId}.`);
}

/** Calls a function, as a rule of EventBridge does by its schedule, and returns its log. */
export async function runFunction(target: Target, endpoint: string, logicalId: string): Promise<string[]> {
  const name = await physicalId(target, `${logicalId}Handler`);
  const logGroupName = await physicalId(target, `${logicalId}Logs`);
  const logs = new CloudWatchLogsClient(target.clientConfig);
  const read = async () => {
    const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName }));
    return events.map(({ message = '' }) => message);
  };
  const ends = (lines: readonly string[]) => lines.filter((line) => line.startsWith('REPORT ')).length;
  const before = ends(await read());
  const response = await fetch(`${endpoint}/2015-03-31/functions/${name}/invocations`, {
    method: 'POST',
    headers: { authorization: authorization('lambda') },
    body: '{}',
  });
  const answer = await response.text();
  if (answer !== 'null') throw new Error(`The function ${logicalId} answered ${answer}`);
  for (;;) {
    const lines = await read();
    if (ends(lines) > before) return lines;
    await sleep(100);
  }
}

/** An alarm as CloudWatch describes it. */
export interface Alarm {
  readonly AlarmName: string;
  readonly AlarmArn: string;
  readonly StateValue: string;
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly object[];
  readonly ExtendedStatistic?: string;
  readonly Period: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly Threshold: number;
}

/** Calls CloudWatch, for which this project has no client. */
export async function cloudWatch<Answer>(endpoint: string, operation: string, input: object): Promise<Answer> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      authorization: authorization('monitoring'),
      'x-amz-target': `GraniteServiceVersion20100801.${operation}`,
      'content-type': 'application/x-amz-json-1.0',
    },
    body: JSON.stringify(input),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${operation}: ${text}`);
  return (text ? JSON.parse(text) : {}) as Answer;
}

/**
 * Gives an alarm's metric a value for each of the last periods, and has LocalStack look at it, which it does when an alarm is put.
 *
 * @param values the latest first
 * @returns the alarm's state
 */
export async function feedAlarm(endpoint: string, alarm: Alarm, values: readonly number[]): Promise<string> {
  const { Namespace, MetricName, Dimensions = [], Period } = alarm;
  const MetricData = values.map((Value, index) => {
    const Timestamp = Date.now() / 1000 - (index + 0.5) * Period;
    return { MetricName, Dimensions, Value, Timestamp };
  });
  if (MetricData.length > 0) await cloudWatch(endpoint, 'PutMetricData', { Namespace, MetricData });
  const settings = Object.entries(alarm).filter(([name]) => !/^(State|AlarmArn|AlarmConfiguration)/.test(name));
  await cloudWatch(endpoint, 'PutMetricAlarm', Object.fromEntries(settings));
  const state = async () => {
    const { MetricAlarms } = await cloudWatch<{ MetricAlarms: Alarm[] }>(endpoint, 'DescribeAlarms', {
      AlarmNames: [alarm.AlarmName],
    });
    return MetricAlarms[0]?.StateValue ?? '';
  };
  // It is put with the state INSUFFICIENT_DATA, and looked at in a thread.
  for (let tries = 0; tries < 100; tries++) {
    const found = await state();
    if (found !== 'INSUFFICIENT_DATA') return found;
    await sleep(100);
  }
  return state();
}

function authorization(service: string): string {
  return `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=x`;
}
