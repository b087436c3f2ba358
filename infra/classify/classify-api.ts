import { Validations } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { type ApiKeyIds, addApiKeys } from './api-keys.ts';
import type { Auth } from './auth.ts';
import { addProblemResponses } from './problem-responses.ts';

/** Requests a second in the long run, and requests at once. */
export interface Throttle {
  readonly rateLimit: number;
  readonly burstLimit: number;
}

export interface ClassifyApiProps {
  /** Answers every request; receives API Gateway's proxy events. */
  readonly handler: lambda.IFunction;
  /** Its metrics are found by it, so no other API of the account and region should have the same. @default Api */
  readonly name?: string;
  /** The limit for all callers together. @default 50 requests a second, bursts of 100 */
  readonly throttle?: Throttle;
  /**
   * The limit for the holders of the key; the rest of the limit for all remains for the page and the health checks, which need
   * no key. @default 40 requests a second, bursts of 80
   */
  readonly keyThrottle?: Throttle;
  /**
   * How many requests with the key are answered in a day: three million in a month, which cost $13 ("./cifar10 cost"), so that a
   * leaked key is no large bill. AWS applies such limits with best effort only. @default 100,000
   * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
   */
  readonly dailyQuota?: number;
  /** Who may classify. @default key */
  readonly auth?: Auth;
  /** Whether web pages of other origins may call the API; the program decides which. @default false */
  readonly crossOrigin?: boolean;
}

/** The HTTP API: API Gateway checks the key or the signature, throttles and passes bytes through unchanged; the program routes. */
export class ClassifyApi extends Construct {
  readonly api: apigateway.RestApi;
  /** `undefined` where `auth` is not `key`. */
  readonly apiKeys: ApiKeyIds | undefined;

  constructor(scope: Construct, id: string, props: ClassifyApiProps) {
    super(scope, id);
    const { handler, auth = 'key', crossOrigin = false, dailyQuota = 100_000 } = props;
    const { throttle = { rateLimit: 50, burstLimit: 100 }, keyThrottle = { rateLimit: 40, burstLimit: 80 } } = props;
    checkCounts('throttle.', throttle);
    checkCounts('keyThrottle.', keyThrottle);
    checkCounts('', { dailyQuota });
    this.api = new apigateway.RestApi(this, 'Api', {
      description: 'Classifies images',
      ...(props.name === undefined ? {} : { restApiName: props.name }),
      endpointTypes: [apigateway.EndpointType.REGIONAL],
      binaryMediaTypes: ['*/*'],
      cloudWatchRole: false,
      deployOptions: { throttlingRateLimit: throttle.rateLimit, throttlingBurstLimit: throttle.burstLimit },
    });
    this.api.node.tryRemoveChild('Endpoint'); // an output that nothing reads
    requireTls12(this.api);
    addProblemResponses(this.api, { crossOrigin, auth });

    const program = new apigateway.LambdaIntegration(handler, { allowTestInvoke: false });
    const everyPath = this.api.root.addProxy({ anyMethod: false }); // includes the root
    everyPath.addMethod('GET', program);
    everyPath.addMethod('HEAD', program);
    everyPath.addMethod('POST', program, {
      apiKeyRequired: auth === 'key',
      ...(auth === 'iam' ? { authorizationType: apigateway.AuthorizationType.IAM } : {}),
    });
    // Browsers send a preflight request, without the key or a signature.
    if (crossOrigin) everyPath.addMethod('OPTIONS', program);

    if (auth === 'key') {
      const plan = this.api.addUsagePlan('Plan', {
        apiStages: [{ stage: this.api.deploymentStage }],
        throttle: keyThrottle,
        quota: { limit: dailyQuota, period: apigateway.Period.DAY },
      });
      this.apiKeys = addApiKeys(this.api, plan);
    }
    acknowledgeFindings(this.api, auth);
  }

  /** Requests that reached API Gateway. @default sample count over 5 minutes */
  metricCount(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.api.metricCount(props);
  }

  /** Answers with status 4xx, those of API Gateway itself included. @default sum over 5 minutes */
  metricClientError(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.api.metricClientError(props);
  }

  /** Answers with status 5xx, those of API Gateway itself included. @default sum over 5 minutes */
  metricServerError(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.api.metricServerError(props);
  }

  /** Time from a request's arrival at API Gateway until its answer leaves. @default average over 5 minutes */
  metricLatency(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.api.metricLatency(props);
  }
}

function checkCounts(prefix: string, counts: Throttle | { readonly dailyQuota: number }): void {
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new Error(`${prefix}${name} is ${value}. Give a whole number of requests, at least 1.`);
    }
  }
}

/**
 * Refuses TLS before 1.2, which a Regional API takes by default. Such a policy needs an access mode: in the strict one, which
 * AWS recommends, a request must come straight to this API and name it as its host, as every HTTP client does.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html
 */
function requireTls12(api: apigateway.RestApi): void {
  const resource = api.node.defaultChild as apigateway.CfnRestApi; // RestApi has no such property.
  resource.securityPolicy = 'SecurityPolicy_TLS13_1_2_2021_06';
  resource.endpointAccessMode = apigateway.EndpointAccessMode.STRICT;
}

const needs: Readonly<Record<Auth, string>> = {
  key: 'an API key',
  iam: 'a signature of AWS',
  none: 'nothing, as the user of this stack wants it',
};

function acknowledgeFindings(api: apigateway.RestApi, auth: Auth): void {
  const logging =
    'API Gateway writes logs with one role for the whole account and region, which one stack must not set; the program logs every request that reaches it, and metrics count the others.';
  const reasons = {
    'AwsSolutions-APIG1': logging,
    'AwsSolutions-APIG6': logging,
    'AwsSolutions-APIG2': 'Bodies are images: the program checks them before it decodes them.',
    'AwsSolutions-APIG3': 'A web ACL has a fixed monthly price; the throttle limits what a caller can do.',
    'AwsSolutions-APIG4': `Classifying needs ${needs[auth]}; the page, the health check and the model are public.`,
    'AwsSolutions-COG4': 'There are no user accounts.',
  };
  for (const [id, reason] of Object.entries(reasons)) Validations.of(api).acknowledge({ id, reason });
}
