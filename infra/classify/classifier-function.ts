import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { variable } from '#environment/variables.ts';
import { checkOrigins } from '#inference/http/origins.ts';
import { METRIC_NAMESPACE, METRICS, type MetricName } from '#inference/telemetry/metrics.ts';
import type { ModelBucket } from '../models/model-bucket.ts';
import { classifierBundle } from './classifier-bundle.ts';

export interface ClassifierFunctionProps {
  /** Where models and aliases are read. */
  readonly models: ModelBucket;
  /** The alias of the model that is served, such as `production`. */
  readonly alias: string;
  /** Other origins whose web pages may call the API, such as `https://example.org`; `*` for all. @default none */
  readonly origins?: readonly string[];
  /** The CloudWatch namespace of the program's metrics; stacks of one account need one each. @default Cifar10 */
  readonly metricNamespace?: string;
  /**
   * How many calls run at the same time at most; as many are kept for this function alone. Lambda refuses a number that leaves
   * the account's other functions fewer than 100, or 10 in a new account, whose limit is 10 in all: nothing can be reserved
   * there before the limit is raised. @default what the account has left
   * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
   */
  readonly reservedConcurrency?: number;
}

/**
 * The Lambda function that answers requests, its role and its log.
 *
 * Callers use the alias. Each deployment of other code or settings publishes a version, which never changes, and the alias moves to
 * it; the versions before are kept, so that the alias can move back.
 */
export class ClassifierFunction extends Construct {
  /** The code that was deployed last, whether it is live or not. */
  readonly handler: lambda.Function;
  /** That code as a version. */
  readonly version: lambda.Version;
  /** The version that answers callers. */
  readonly alias: lambda.Alias;
  readonly logGroup: logs.LogGroup;
  readonly metricNamespace: string;

  constructor(scope: Construct, id: string, props: ClassifierFunctionProps) {
    super(scope, id);
    if (!/^[a-z][a-z0-9-]*$/.test(props.alias)) {
      throw new Error(
        `alias is "${props.alias}". Use lower-case letters, digits and dashes, a letter first, such as production.`,
      );
    }
    const origins = checkOrigins(props.origins ?? []);
    const { reservedConcurrency, metricNamespace = METRIC_NAMESPACE } = props;
    this.metricNamespace = metricNamespace;
    if (reservedConcurrency !== undefined && !(Number.isInteger(reservedConcurrency) && reservedConcurrency >= 1)) {
      throw new Error(`reservedConcurrency is ${reservedConcurrency}. Give a whole number of calls, at least 1.`);
    }
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
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      // One whole vCPU: cold starts and predictions are CPU-bound, so twice the CPU takes half the time for the same price.
      memorySize: 1769,
      // API Gateway times out after 29 s.
      timeout: Duration.seconds(28),
      ...(reservedConcurrency === undefined ? {} : { reservedConcurrentExecutions: reservedConcurrency }),
      role,
      logGroup: this.logGroup,
      environment: {
        ...{ [variable.store]: props.models.url, [variable.alias]: props.alias },
        ...(origins.length > 0 ? { [variable.origins]: origins.join(' ') } : {}),
        ...(metricNamespace === METRIC_NAMESPACE ? {} : { [variable.metrics]: metricNamespace }),
      },
      currentVersionOptions: { removalPolicy: keptOnceLive },
    });
    this.version = this.handler.currentVersion;
    this.alias = new lambda.Alias(this, 'Live', {
      aliasName: 'live',
      version: this.version as lambda.IVersion, // its types are not exact about optional properties
    });
  }

  /**
   * A metric that the program emits. By default the sum of a count, and the average of anything else, over 5 minutes.
   */
  metric(name: MetricName, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const unit = METRICS[name].unit as cloudwatch.Unit;
    const statistic = unit === cloudwatch.Unit.COUNT ? cloudwatch.Stats.SUM : cloudwatch.Stats.AVERAGE;
    return new cloudwatch.Metric({
      namespace: this.metricNamespace,
      metricName: name,
      unit,
      statistic,
      ...props,
    }).attachTo(this);
  }

  /** Time until the answer to a request is ready. @default average over 5 minutes */
  metricLatency(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('Latency', props);
  }

  /** Time to decode and resize the images of a request. @default average over 5 minutes */
  metricDecode(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('Decode', props);
  }

  /** Time to run the model on the images of a request. @default average over 5 minutes */
  metricPredict(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('Predict', props);
  }

  /** Probability of the predicted class, from 0 to 1. @default average over 5 minutes */
  metricConfidence(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('Confidence', props);
  }

  /** Images whose probability is below the model's threshold. @default sum over 5 minutes */
  metricUncertain(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('Uncertain', props);
  }

  /** Requests that started a Lambda environment. @default sum over 5 minutes */
  metricColdStart(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('ColdStart', props);
  }

  /** Requests with status 5xx or an internal error. @default sum over 5 minutes */
  metricFailed(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('Failed', props);
  }

  /** Invocations of the function, by Lambda's own count. @default sum over 5 minutes */
  metricInvocations(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.handler.metricInvocations(props);
  }

  /** Invocations that ended without an answer, such as time-outs and crashes. @default sum over 5 minutes */
  metricErrors(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.handler.metricErrors(props);
  }

  /** Invocations that Lambda refused because too many ran at the same time. @default sum over 5 minutes */
  metricThrottles(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.handler.metricThrottles(props);
  }
}

/**
 * A version outlives the deployment that replaces it, and goes with the function. It goes too when its own deployment fails: Lambda
 * publishes nothing where the newest version has the same code, so a deployment that is tried again would find nothing to create.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
 */
const keptOnceLive = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
