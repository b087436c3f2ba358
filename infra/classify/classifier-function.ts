import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { variable } from '#environment/variables.ts';
import { checkOrigins } from '#inference/http/origins.ts';
import type { ModelBucket } from '../models/model-bucket.ts';
import { classifierBundle } from './classifier-bundle.ts';

export interface ClassifierFunctionProps {
  /** Read only. */
  readonly models: ModelBucket;
  /** Of the model that is served, such as `production`. */
  readonly alias: string;
  /** Web pages of other origins that may ask, such as `https://example.org`; `*` for all. @default none */
  readonly origins?: readonly string[];
}

/** The program that answers requests: one bundle of JavaScript, and libwebp and the page beside it. */
export class ClassifierFunction extends Construct {
  readonly handler: lambda.Function;
  readonly logGroup: logs.LogGroup;

  constructor(scope: Construct, id: string, props: ClassifierFunctionProps) {
    super(scope, id);
    if (!/^[a-z][a-z0-9-]*$/.test(props.alias)) {
      throw new Error(
        `alias is "${props.alias}". Name one by lower-case letters, digits and dashes, such as production.`,
      );
    }
    const origins = checkOrigins(props.origins ?? []);
    this.logGroup = new logs.LogGroup(this, 'Logs', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(role);
    props.models.grantRead(role, 'models/*', 'aliases/*');

    this.handler = new lambda.Function(this, 'Handler', {
      code: classifierBundle(),
      handler: 'index.handler',
      runtime: lambda.Runtime.NODEJS_22_X,
      architecture: lambda.Architecture.ARM_64,
      // One whole vCPU: what a cold start and a prediction take is computation, and it costs no more for being quick.
      memorySize: 1769,
      // API Gateway gives up after 29 s.
      timeout: Duration.seconds(28),
      role,
      logGroup: this.logGroup,
      environment: {
        ...{ [variable.store]: props.models.url, [variable.alias]: props.alias },
        ...(origins.length > 0 ? { [variable.origins]: origins.join(' ') } : {}),
      },
    });
    Validations.of(this.handler).acknowledge({
      id: 'AwsSolutions-L1',
      reason: 'Node 22 is supported until 2027 and is the newest runtime that the whole project is tested on.',
    });
  }
}
