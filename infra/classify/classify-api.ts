import { Validations } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { addProblemResponses } from './problem-responses.ts';

export interface ClassifyApiProps {
  /** Answers every request; takes API Gateway's proxy events. */
  readonly handler: lambda.IFunction;
  /** Of all callers together. @default 50 requests a second, 100 at once */
  readonly throttle?: { readonly rateLimit: number; readonly burstLimit: number };
  /** Who may classify: holders of the key, or everybody who knows the address. @default key */
  readonly auth?: 'key' | 'none';
  /** Web pages elsewhere may ask; the program says which. @default false */
  readonly crossOrigin?: boolean;
}

/** The HTTP interface: the program routes, API Gateway asks for the key, throttles and passes bytes through unchanged. */
export class ClassifyApi extends Construct {
  readonly api: apigateway.RestApi;
  /** `undefined` where `auth` is `none`. */
  readonly apiKey: apigateway.IApiKey | undefined;

  constructor(scope: Construct, id: string, props: ClassifyApiProps) {
    super(scope, id);
    const { handler, throttle = { rateLimit: 50, burstLimit: 100 }, auth = 'key', crossOrigin = false } = props;
    for (const [name, value] of Object.entries(throttle)) {
      if (!Number.isInteger(value) || value < 1) {
        throw new Error(`throttle.${name} is ${value}. Give a whole number of requests, 1 or more.`);
      }
    }
    this.api = new apigateway.RestApi(this, 'Api', {
      description: 'Classifies images',
      endpointTypes: [apigateway.EndpointType.REGIONAL],
      binaryMediaTypes: ['*/*'],
      cloudWatchRole: false,
      deployOptions: { throttlingRateLimit: throttle.rateLimit, throttlingBurstLimit: throttle.burstLimit },
    });
    this.api.node.tryRemoveChild('Endpoint'); // an output that nobody reads
    addProblemResponses(this.api, { crossOrigin });

    const program = new apigateway.LambdaIntegration(handler, { allowTestInvoke: false });
    const everyPath = this.api.root.addProxy({ anyMethod: false }); // the root as well
    everyPath.addMethod('GET', program);
    everyPath.addMethod('HEAD', program);
    everyPath.addMethod('POST', program, { apiKeyRequired: auth === 'key' });
    // Browsers ask whether they may, and send no key with that.
    if (crossOrigin) everyPath.addMethod('OPTIONS', program);

    if (auth === 'key') {
      this.apiKey = this.api.addApiKey('Key');
      const plan = this.api.addUsagePlan('Plan', { apiStages: [{ stage: this.api.deploymentStage }] });
      plan.addApiKey(this.apiKey);
    }
    acknowledgeFindings(this.api);
  }
}

function acknowledgeFindings(api: apigateway.RestApi): void {
  const logging =
    'API Gateway writes logs by one role for the whole account and region, which is not for one stack to set; the program logs every request that reaches it, and metrics count the others.';
  const reasons = {
    'AwsSolutions-APIG1': logging,
    'AwsSolutions-APIG6': logging,
    'AwsSolutions-APIG2': 'Bodies are images: the program checks them, before it decodes them.',
    'AwsSolutions-APIG3': 'A web ACL has a fixed price a month; the key and the throttle guard what there is to guard.',
    'AwsSolutions-APIG4': 'Classifying asks for an API key; reading the page, the health and the model is open.',
    'AwsSolutions-COG4': 'There are no users to tell apart.',
  };
  for (const [id, reason] of Object.entries(reasons)) Validations.of(api).acknowledge({ id, reason });
}
