import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

/**
 * The bucket that training writes and inference reads: runs, model versions, aliases and the data set.
 *
 * It outlives the stack: its content took GPU hours to make. Permissions are granted by key, never on the whole bucket.
 */
export class ModelBucket extends Construct {
  readonly bucket: s3.Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bucket = new s3.Bucket(this, 'Bucket', {
      versioned: true,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: keptOnceCreated,
      lifecycleRules: [
        { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) },
        // A checkpoint is deleted when a newer one replaces it; versioning would keep all of them forever, and after them
        // the markers of their deletion, which every list of the run would have to pass.
        {
          id: 'replaced-checkpoints',
          prefix: 'runs/',
          noncurrentVersionExpiration: Duration.days(7),
          expiredObjectDeleteMarker: true,
        },
        // A table that is merged again replaces the one before; a plan or a batch that somebody deletes is not wanted any
        // more. What is current never expires: it is somebody's result.
        ...['plans/', 'batches/'].map((prefix) => ({
          id: `replaced-${prefix.slice(0, -1)}`,
          prefix,
          noncurrentVersionExpiration: Duration.days(7),
          expiredObjectDeleteMarker: true,
        })),
        // A version is never replaced, so this is about what somebody deleted: for a month it can be restored.
        {
          id: 'deleted-models',
          prefix: 'models/',
          noncurrentVersionExpiration: Duration.days(30),
          expiredObjectDeleteMarker: true,
        },
      ],
    });
    // The bucket stays when the stack is deleted, so its policy stays too.
    this.bucket.policy?.applyRemovalPolicy(keptOnceCreated);
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Only three roles of this stack and the administrator use the bucket; CloudTrail data events of the account can record each access.',
    });
  }

  /** The address of the store for programs, such as `s3://bucket`. */
  get url(): string {
    return `s3://${this.bucket.bucketName}`;
  }

  /**
   * Lets the role read and list the objects at these keys.
   *
   * @param keys full keys or `prefix/*`
   */
  grantRead(role: iam.Role, ...keys: string[]): void {
    this.grant(role, ['s3:GetObject'], keys);
    this.grantList(role, keys);
  }

  /** Lets the role create and replace objects at these keys. @param keys full keys, `prefix/*`, or one folder of each, as `plans/*\/results/*` */
  grantWrite(role: iam.Role, ...keys: string[]): void {
    this.grant(role, ['s3:PutObject'], keys);
  }

  /** Lets the role delete objects at these keys; their older versions stay. @param keys full keys or `prefix/*` */
  grantDelete(role: iam.Role, ...keys: string[]): void {
    this.grant(role, ['s3:DeleteObject'], keys);
  }

  /** Bytes of all objects, old versions included, measured once a day. @default average over one day */
  metricBucketSizeBytes(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.storageMetric('BucketSizeBytes', 'StandardStorage', cloudwatch.Unit.BYTES, props);
  }

  /** The number of objects, old versions included, counted once a day. @default average over one day */
  metricNumberOfObjects(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.storageMetric('NumberOfObjects', 'AllStorageTypes', cloudwatch.Unit.COUNT, props);
  }

  /** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html */
  private storageMetric(
    metricName: string,
    StorageType: string,
    unit: cloudwatch.Unit,
    props?: cloudwatch.MetricOptions,
  ): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: 'AWS/S3',
      metricName,
      dimensionsMap: { BucketName: this.bucket.bucketName, StorageType },
      unit,
      statistic: cloudwatch.Stats.AVERAGE,
      period: Duration.days(1),
      ...props,
    }).attachTo(this);
  }

  private grant(role: iam.Role, actions: string[], keys: string[]): void {
    const resources = keys.map((key) => this.bucket.arnForObjects(checkedKey(key)));
    role.addToPolicy(new iam.PolicyStatement({ actions, resources }));
    const bucketId = Stack.of(this).getLogicalId(this.bucket.node.defaultChild as s3.CfnBucket);
    for (const key of keys.filter((each) => each.endsWith('/*'))) {
      Validations.of(role).acknowledge({
        id: `AwsSolutions-IAM5[Resource::<${bucketId}.Arn>/${key}]`,
        reason: `Object names under ${key} are not known in advance; the prefix is the narrowest permission possible.`,
      });
    }
  }

  /**
   * Lets the role list these keys and prefixes, and nothing without one: S3 has no such condition key in a call without a
   * prefix. The role then lacks a permission that S3 looks for when an object does not exist, and is answered 403
   * instead of 404. Programs find out by listing the key.
   *
   * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html for the two answers
   */
  private grantList(role: iam.Role, keys: string[]): void {
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [this.bucket.bucketArn],
        conditions: { StringLike: { 's3:prefix': keys } },
      }),
    );
  }
}

/**
 * The bucket outlives a stack that was deployed. It goes with a stack whose first deployment fails, and is empty then: kept,
 * it would stay behind after each try.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
 */
const keptOnceCreated = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;

function checkedKey(key: string): string {
  if (!/^[a-z]+\/(\*\/)?([\w.-]+\/)*([\w.-]+|\*)$/.test(key)) {
    throw new Error(
      `"${key}" is not a key of the model store. Grant a full key such as aliases/candidate.json, or a prefix such as runs/*.`,
    );
  }
  return key;
}
