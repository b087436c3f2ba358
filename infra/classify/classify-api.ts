import { Validations } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { addProblemResponses } from './problem-responses.ts';

export interface ClassifyApiProps {
  /** Answers every request; receives API Gateway's proxy events. */
  readonly handler: lambda.IFunction;
  /** The limit for all callers together. @default 50 requests a second, bursts of 100 */
  readonly throttle?: { readonly rateLimit: number; readonly burstLimit: number };
  /** Who may classify: holders of the API key, or everybody who knows the address. @default key */
  readonly auth?: 'key' | 'none';
  /** Whether web pages of other origins may call the API; the program decides which. @default false */
  readonly crossOrigin?: boolean;
}

/** The HTTP API: API Gateway checks the key, throttles and passes bytes through unchanged; the program routes. */
export class ClassifyApi extends Construct {
  readonly api: apigateway.RestApi;
  /** `undefined` where `auth` is `none`. */
  readonly apiKey: apigateway.IApiKey | undefined;

  constructor(scope: Construct, id: string, props: ClassifyApiProps) {
    super(scope, id);
    const { handler, throttle = { rateLimit: 50, burstLimit: 100 }, auth = 'key', crossOrigin = false } = props;
    for (const [name, value] of Object.entries(throttle)) {
      if (!Number.isInteger(value) || value < 1) {
        throw new Error(`throttle.${name} is ${value}. Give a whole number of requests, at least 1.`);
      }
    }
    this.api = new apigateway.RestApi(this, 'Api', {
      description: 'Classifies images',
      endpointTypes: [apigateway.EndpointType.REGIONAL],
      binaryMediaTypes: ['*/*'],
      cloudWatchRole: false,
      deployOptions: { throttlingRateLimit: throttle.rateLimit, throttlingBurstLimit: throttle.burstLimit },
    });
    this.api.node.tryRemoveChild('Endpoint'); // an output that nothing reads
    addProblemResponses(this.api, { crossOrigin });

    const program = new apigateway.LambdaIntegration(handler, { allowTestInvoke: false });
    const everyPath = this.api.root.addProxy({ anyMethod: false }); // includes the root
    everyPath.addMethod('GET', program);
    everyPath.addMethod('HEAD', program);
    everyPath.addMethod('POST', program, { apiKeyRequired: auth === 'key' });
    // Browsers send a preflight request, without the key.
    if (crossOrigin) everyPath.addMethod('OPTIONS', program);

    if (auth === 'key') {
      this.apiKey = this.api.addApiKey('Key');
      const plan = this.api.addUsagePlan('Plan', { apiStages: [{ stage: this.api.deploymentStage }] });
      plan.addApiKey(this.apiKey);
    }
    acknowledgeFindings(this.api);
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

function acknowledgeFindings(api: apigateway.RestApi): void {
  const logging =
    'API Gateway writes logs with one role for the whole account and region, which one stack must not set; the program logs every request that reaches it, and metrics count the others.';
  const reasons = {
    'AwsSolutions-APIG1': logging,
    'AwsSolutions-APIG6': logging,
    'AwsSolutions-APIG2': 'Bodies are images: the program checks them before it decodes them.',
    'AwsSolutions-APIG3':
      'A web ACL has a fixed monthly price; the API key and the throttle limit what a caller can do.',
    'AwsSolutions-APIG4': 'Classifying needs an API key; the page, the health check and the model are public.',
    'AwsSolutions-COG4': 'There are no user accounts.',
  };
  for (const [id, reason] of Object.entries(reasons)) Validations.of(api).acknowledge({ id, reason });
}
