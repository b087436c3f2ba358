import { fileURLToPath } from 'node:url';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { ModelBucket } from '../models/model-bucket.ts';

const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

export interface ClassifierFunctionProps {
  /** Read only. */
  readonly models: ModelBucket;
  /** Of the model that is served, such as `production`. */
  readonly alias: string;
}

/** The program that answers requests: one bundle of JavaScript and the WebAssembly kernels beside it. */
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
    this.logGroup = new logs.LogGroup(this, 'Logs', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(role);
    props.models.grantRead(role, 'models/*', 'aliases/*');

    this.handler = new NodejsFunction(this, 'Handler', {
      entry: `${repositoryRoot}inference/classify.lambda.ts`,
      projectRoot: repositoryRoot,
      depsLockFilePath: `${repositoryRoot}package-lock.json`,
      runtime: lambda.Runtime.NODEJS_22_X,
      architecture: lambda.Architecture.ARM_64,
      // One whole vCPU: what a cold start and a prediction take is computation, and it costs no more for being quick.
      memorySize: 1769,
      // API Gateway gives up after 29 s.
      timeout: Duration.seconds(28),
      role,
      logGroup: this.logGroup,
      environment: { CIFAR10_STORE: props.models.url, CIFAR10_ALIAS: props.alias },
      bundling: {
        format: OutputFormat.ESM,
        mainFields: ['module', 'main'],
        // Everything is in the bundle, the AWS SDK too: what is tested is what runs.
        externalModules: [],
        minify: true,
        // Stack traces in the log keep the names of functions; a source map would double the archive.
        keepNames: true,
        // TensorFlow.js asks for Node's built-in modules the old way, which a bundle of ES modules has not.
        banner: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
        commandHooks: {
          beforeBundling: () => [],
          beforeInstall: () => [],
          afterBundling: (input, output) => {
            const kernels = `${input}/node_modules/@tensorflow/tfjs-backend-wasm/wasm-out`;
            return [`cp "${kernels}/tfjs-backend-wasm.wasm" "${kernels}/tfjs-backend-wasm-simd.wasm" "${output}"`];
          },
        },
      },
    });
    Validations.of(this.handler).acknowledge({
      id: 'AwsSolutions-L1',
      reason: 'Node 22 is supported until 2027 and is the newest runtime that the whole project is tested on.',
    });
  }
}
