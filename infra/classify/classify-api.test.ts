import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { describe, expect, it } from 'vitest';
import { PROBLEMS, Problem, type ProblemCode } from '#inference/http/problem.ts';
import { MAX_BODY } from '#inference/http/read-body.ts';
import { ClassifyApi, type ClassifyApiProps } from './classify-api.ts';

function givenApi(props: Partial<ClassifyApiProps> = {}): { stack: Stack; classify: ClassifyApi } {
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }));
  const handler = lambda.Function.fromFunctionArn(stack, 'Handler', 'arn:aws:lambda:eu-west-1:123456789012:function:f');
  return { stack, classify: new ClassifyApi(stack, 'Classify', { handler, ...props }) };
}

function synthesize(props: Partial<ClassifyApiProps> = {}): Template {
  return Template.fromStack(givenApi(props).stack);
}

describe('ClassifyApi', () => {
  it('requires the key to classify, on every path', () => {
    const template = synthesize();

    template.allResourcesProperties('AWS::ApiGateway::Method', { AuthorizationType: 'NONE' });
    const posts = template.findResources('AWS::ApiGateway::Method', { Properties: { HttpMethod: 'POST' } });
    expect(Object.keys(posts)).not.toHaveLength(0);
    for (const { Properties } of Object.values(posts)) expect(Properties.ApiKeyRequired).toBe(true);
  });

  it('lets everybody read, and has no method that writes', () => {
    const methods = Object.values(synthesize().findResources('AWS::ApiGateway::Method'))
      .filter(({ Properties }) => !Properties.ApiKeyRequired)
      .map(({ Properties }) => Properties.HttpMethod);

    expect(new Set(methods)).toEqual(new Set(['GET', 'HEAD']));
  });

  it('answers preflight requests without the key where other origins are allowed', () => {
    const template = synthesize({ crossOrigin: true });

    const preflights = template.findResources('AWS::ApiGateway::Method', { Properties: { HttpMethod: 'OPTIONS' } });
    expect(Object.keys(preflights)).toHaveLength(2); // the root, and all paths below it
    for (const { Properties } of Object.values(preflights)) expect(Properties.ApiKeyRequired).not.toBe(true);
    const responses = Object.values(template.findResources('AWS::ApiGateway::GatewayResponse'));
    for (const { Properties } of responses) {
      expect(Properties.ResponseParameters).toMatchObject({
        'gatewayresponse.header.Access-Control-Allow-Origin': "'*'",
        'gatewayresponse.header.Access-Control-Expose-Headers': "'retry-after, x-request-id'",
      });
    }
  });

  it('ties the key to its stage by a usage plan', () => {
    const template = synthesize();

    template.hasResourceProperties('AWS::ApiGateway::UsagePlan', {
      ApiStages: [{ ApiId: Match.anyValue(), Stage: Match.anyValue() }],
    });
    template.hasResourceProperties('AWS::ApiGateway::UsagePlanKey', { KeyType: 'API_KEY' });
    template.hasResourceProperties('AWS::ApiGateway::ApiKey', { Enabled: true, Value: Match.absent() });
  });

  it.each([
    ['first', ['Key'], 'Key', undefined],
    ['first, second', ['Key', 'SecondKey'], 'SecondKey', 'Key'],
    ['second', ['SecondKey'], 'SecondKey', undefined],
    ['second, first', ['Key', 'SecondKey'], 'Key', 'SecondKey'],
  ] as const)('has the keys that the parameter names: %s', (value, there, newest, previous) => {
    const { stack, classify } = givenApi();
    const { Parameters, Conditions, Resources } = Template.fromStack(stack).toJSON();
    expect(Parameters.ValidApiKeys).toMatchObject({ Default: 'first', AllowedValues: expect.arrayContaining([value]) });
    const holds = (condition: string) =>
      Conditions[condition]['Fn::Or'].some(
        ({ 'Fn::Equals': [reference, wanted] }: { 'Fn::Equals': [{ Ref: string }, string] }) =>
          reference.Ref === 'ValidApiKeys' && wanted === value,
      );
    const chosen = (id: string) => {
      const { Ref, 'Fn::If': choice } = stack.resolve(id);
      if (Ref !== undefined) return Ref;
      const [condition, yes, no] = choice as [string, { Ref: string }, { Ref: string }];
      return (holds(condition) ? yes : no).Ref;
    };
    const made = (type: string) =>
      Object.entries<{ Type: string; Condition: string }>(Resources)
        .filter(([, { Type, Condition }]) => Type === type && holds(Condition))
        .map(([id]) => id);

    const idOf = (name: string) => expect.stringMatching(new RegExp(`^ClassifyApi${name}[0-9A-F]{8}$`));
    expect(made('AWS::ApiGateway::ApiKey').toSorted()).toEqual(there.map(idOf));
    expect(made('AWS::ApiGateway::UsagePlanKey')).toHaveLength(there.length);
    const keys = classify.apiKeys!;
    expect(chosen(keys.newest)).toEqual(idOf(newest));
    expect(holds(stack.resolve(keys.isRotating.logicalId))).toBe(previous !== undefined);
    if (previous !== undefined) expect(chosen(keys.previous)).toEqual(idOf(previous));
  });

  it('limits what the holders of the key may do, to less than all callers together', () => {
    synthesize().hasResourceProperties('AWS::ApiGateway::UsagePlan', {
      Throttle: { RateLimit: 40, BurstLimit: 80 },
      Quota: { Limit: 100_000, Period: 'DAY' },
    });
    synthesize({ keyThrottle: { rateLimit: 2, burstLimit: 3 }, dailyQuota: 5 }).hasResourceProperties(
      'AWS::ApiGateway::UsagePlan',
      { Throttle: { RateLimit: 2, BurstLimit: 3 }, Quota: { Limit: 5 } },
    );
  });

  it('refuses TLS before 1.2', () => {
    synthesize().hasResourceProperties('AWS::ApiGateway::RestApi', {
      EndpointConfiguration: { Types: ['REGIONAL'] },
      SecurityPolicy: 'SecurityPolicy_TLS13_1_2_2021_06',
      EndpointAccessMode: 'STRICT',
    });
  });

  it('requires no key where auth is none', () => {
    const template = synthesize({ auth: 'none' });

    const keyed = template.findResources('AWS::ApiGateway::Method', { Properties: { ApiKeyRequired: true } });
    expect(keyed).toEqual({});
    template.resourceCountIs('AWS::ApiGateway::ApiKey', 0);
    template.resourceCountIs('AWS::ApiGateway::UsagePlan', 0);
  });

  it('requires a signature, and no key, where auth is iam', () => {
    const template = synthesize({ auth: 'iam', crossOrigin: true });

    const methods = Object.values(template.findResources('AWS::ApiGateway::Method')).map(
      ({ Properties }) => Properties,
    );
    const signed = methods.filter(({ AuthorizationType }) => AuthorizationType === 'AWS_IAM');
    expect(signed.map(({ HttpMethod }) => HttpMethod)).toEqual(['POST', 'POST']); // the root, and all paths below it
    for (const { ApiKeyRequired } of methods) expect(ApiKeyRequired).not.toBe(true);
    const open = methods.filter(({ AuthorizationType }) => AuthorizationType === 'NONE');
    expect(new Set(open.map(({ HttpMethod }) => HttpMethod))).toEqual(new Set(['GET', 'HEAD', 'OPTIONS']));
    template.resourceCountIs('AWS::ApiGateway::ApiKey', 0);
    template.resourceCountIs('AWS::ApiGateway::UsagePlan', 0);
  });

  it.each([
    ['MISSING_AUTHENTICATION_TOKEN', 'unsigned'],
    ['INVALID_SIGNATURE', 'invalid-signature'],
    ['EXPIRED_TOKEN', 'expired-token'],
    ['ACCESS_DENIED', 'access-denied'],
  ])('answers %s with the problem %s, of status 403, where auth is iam', (type, code) => {
    const responses = synthesize({ auth: 'iam' }).findResources('AWS::ApiGateway::GatewayResponse', {
      Properties: { ResponseType: type },
    });

    const [response, ...others] = Object.values(responses);
    expect(others).toEqual([]);
    expect(response?.Properties.StatusCode).toBe('403');
    expect(response?.Properties.ResponseParameters).toMatchObject({
      'gatewayresponse.header.Content-Type': "'application/problem+json'",
    });
    const problem = JSON.parse(response?.Properties.ResponseTemplates['application/json']);
    expect(problem).toMatchObject({ status: 403, code, type: `urn:cifar10:problem:${code}` });
  });

  it('throttles all callers together', () => {
    synthesize({ throttle: { rateLimit: 7, burstLimit: 9 } }).hasResourceProperties('AWS::ApiGateway::Stage', {
      MethodSettings: [
        {
          HttpMethod: '*',
          ResourcePath: '/*',
          DataTraceEnabled: false,
          ThrottlingRateLimit: 7,
          ThrottlingBurstLimit: 9,
        },
      ],
    });
  });

  it('passes bytes of every type through unchanged', () => {
    synthesize().hasResourceProperties('AWS::ApiGateway::RestApi', { BinaryMediaTypes: ['*/*'] });
  });

  it.each([
    ['INVALID_API_KEY', 403],
    ['MISSING_AUTHENTICATION_TOKEN', 405],
    ['REQUEST_TOO_LARGE', 413],
    ['THROTTLED', 429],
    ['QUOTA_EXCEEDED', 429],
    ['INTEGRATION_FAILURE', 429],
    ['INTEGRATION_TIMEOUT', 504],
    ['DEFAULT_4XX', 400],
    ['DEFAULT_5XX', 502],
  ])('answers %s with a problem document of status %d', (type, status) => {
    const responses = synthesize().findResources('AWS::ApiGateway::GatewayResponse', {
      Properties: { ResponseType: type },
    });

    const [response] = Object.values(responses);
    expect(response?.Properties.StatusCode).toBe(String(status));
    expect(response?.Properties.ResponseParameters).toEqual({
      'gatewayresponse.header.Content-Type': "'application/problem+json'",
      'gatewayresponse.header.x-request-id': 'context.requestId',
      'gatewayresponse.header.cache-control': "'no-store'",
      'gatewayresponse.header.referrer-policy': "'no-referrer'",
      'gatewayresponse.header.x-content-type-options': "'nosniff'",
      // A quota resets at an hour that the gateway does not tell.
      ...(status === 429 && type !== 'QUOTA_EXCEEDED' ? { 'gatewayresponse.header.retry-after': "'1'" } : {}),
    });
    const problem = JSON.parse(response?.Properties.ResponseTemplates['application/json']);
    expect(Object.keys(problem).sort()).toEqual(Object.keys(Problem.shape).sort());
    expect(problem).toMatchObject({ type: `urn:cifar10:problem:${problem.code}`, status, error: problem.detail });
    if (problem.code in PROBLEMS) expect(PROBLEMS[problem.code as ProblemCode].status).toBe(status);
  });

  it('says how large a body may be where it is too large', () => {
    const responses = synthesize().findResources('AWS::ApiGateway::GatewayResponse', {
      Properties: { ResponseType: 'REQUEST_TOO_LARGE' },
    });

    const [response] = Object.values(responses);
    const { detail, hint } = JSON.parse(response?.Properties.ResponseTemplates['application/json']);
    expect(detail).toContain(`the limit is ${MAX_BODY} bytes`);
    expect(hint).toBe(PROBLEMS['body-too-large'].hint);
  });

  it.each([
    ['metricCount', 'Count', 'SampleCount'],
    ['metricClientError', '4XXError', 'Sum'],
    ['metricServerError', '5XXError', 'Sum'],
    ['metricLatency', 'Latency', 'Average'],
  ] as const)('has API Gateway’s own metric: %s', (method, metricName, statistic) => {
    const { stack, classify } = givenApi();

    const metric = classify[method]().toMetricConfig().metricStat;
    expect(metric).toMatchObject({ namespace: 'AWS/ApiGateway', metricName, statistic });
    const value = stack.resolve(classify.api.restApiName);
    expect(stack.resolve(metric?.dimensions)).toEqual([{ name: 'ApiName', value }]);
  });

  it.each([
    { rateLimit: 0, burstLimit: 1 },
    { rateLimit: 1, burstLimit: Number.NaN },
  ])('refuses the throttle %j', (throttle) => {
    expect(() => synthesize({ throttle })).toThrow(/^throttle\.(rateLimit|burstLimit) is (0|NaN)/);
    expect(() => synthesize({ keyThrottle: throttle })).toThrow(/^keyThrottle\.(rateLimit|burstLimit) is (0|NaN)/);
  });

  it('refuses a quota of no request', () => {
    expect(() => synthesize({ dailyQuota: 0 })).toThrow('dailyQuota is 0. Give a whole number of requests');
  });
});
