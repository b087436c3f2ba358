import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ClassifierFunction } from './classify/classifier-function.ts';
import { ClassifyApi } from './classify/classify-api.ts';
import { ModelBucket } from './models/model-bucket.ts';
import { imageSynthesizer, trainingImage } from './training/training-image.ts';
import { TrainingQueue } from './training/training-queue.ts';

export interface ClassifierStackProps extends StackProps {
  /** The image that jobs run, by its address in a registry. @default training/Dockerfile, built on deployment */
  readonly trainingImage?: string;
  /** Who may classify: holders of the API key, or everybody who knows the address. @default key */
  readonly auth?: 'key' | 'none';
  /** Other origins whose web pages may call the API, such as `https://example.org`; `*` for all. @default none */
  readonly origins?: readonly string[];
}

/** Batch jobs train models and write them to S3; a Lambda behind API Gateway reads one and classifies images. */
export class ClassifierStack extends Stack {
  constructor(scope: Construct, id: string, props: ClassifierStackProps = {}) {
    super(scope, id, {
      description: 'Trains an image classifier on AWS Batch and serves it by Lambda',
      synthesizer: imageSynthesizer(),
      ...props,
    });

    const { auth = 'key', origins = [] } = props;
    const models = new ModelBucket(this, 'Models');
    const training = new TrainingQueue(this, 'Training', {
      models,
      image: trainingImage(this, { device: 'gpu', registryUri: props.trainingImage }),
    });
    const classifier = new ClassifierFunction(this, 'Classifier', { models, alias: 'production', origins });
    const { api, apiKey } = new ClassifyApi(this, 'Classify', {
      ...{ handler: classifier.handler, auth, crossOrigin: origins.length > 0 },
    });

    // What programs need to know and cannot derive.
    const outputs = {
      BucketName: models.bucket.bucketName,
      JobQueueArn: training.queue.jobQueueArn,
      JobDefinitionName: training.jobDefinition.jobDefinitionName,
      TrainingLogGroupName: training.logGroup.logGroupName,
      RestApiId: api.restApiId,
      StageName: api.deploymentStage.stageName,
      ApiKeyId: apiKey?.keyId,
      ClassifierLogGroupName: classifier.logGroup.logGroupName,
    };
    for (const [name, value] of Object.entries(outputs)) if (value) new CfnOutput(this, name, { value });
  }
}
