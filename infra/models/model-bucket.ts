import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

/**
 * The bucket that training writes and inference reads: runs, model versions, aliases and the data set.
 *
 * It outlives the stack: what it holds took GPU hours to make. Rights are given by key, never on the whole bucket.
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
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) },
        // Checkpoints are deleted as newer ones replace them; versioning would keep every one of them for ever.
        { id: 'replaced-checkpoints', prefix: 'runs/', noncurrentVersionExpiration: Duration.days(7) },
      ],
    });
    // The bucket stays when the stack goes, so what guards it stays too.
    this.bucket.policy?.applyRemovalPolicy(RemovalPolicy.RETAIN);
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Two roles of this stack and the administrator use the bucket; who wants each access kept turns on CloudTrail data events for the account.',
    });
  }

  /** Where programs find the store, such as `s3://bucket`. */
  get url(): string {
    return `s3://${this.bucket.bucketName}`;
  }

  /**
   * To read the objects at these keys, and to be told which there are.
   *
   * @param keys full keys or `prefix/*`
   */
  grantRead(role: iam.Role, ...keys: string[]): void {
    this.grant(role, ['s3:GetObject'], keys);
    this.grantList(role, keys);
  }

  /** To create and replace objects at these keys. @param keys full keys or `prefix/*` */
  grantWrite(role: iam.Role, ...keys: string[]): void {
    this.grant(role, ['s3:PutObject'], keys);
  }

  /** To delete objects at these keys; older versions of them stay. @param keys full keys or `prefix/*` */
  grantDelete(role: iam.Role, ...keys: string[]): void {
    this.grant(role, ['s3:DeleteObject'], keys);
  }

  private grant(role: iam.Role, actions: string[], keys: string[]): void {
    const resources = keys.map((key) => this.bucket.arnForObjects(checkedKey(key)));
    role.addToPolicy(new iam.PolicyStatement({ actions, resources }));
    const bucketId = Stack.of(this).getLogicalId(this.bucket.node.defaultChild as s3.CfnBucket);
    for (const key of keys.filter((each) => each.endsWith('/*'))) {
      Validations.of(role).acknowledge({
        id: `AwsSolutions-IAM5[Resource::<${bucketId}.Arn>/${key}]`,
        reason: `The names of the objects under ${key} are known only as they are written; the prefix is the narrowest right there is.`,
      });
    }
  }

  private grantList(role: iam.Role, keys: string[]): void {
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [this.bucket.bucketArn],
        // S3 asks for this right too when an object that is read does not exist: without it the answer is 403 instead of
        // 404. That question carries no s3:prefix, so the condition must hold where the key is absent.
        conditions: { StringLikeIfExists: { 's3:prefix': keys } },
      }),
    );
  }
}

function checkedKey(key: string): string {
  if (!/^[a-z]+\/([\w.-]+\/)*([\w.-]+|\*)$/.test(key)) {
    throw new Error(
      `"${key}" is no key of the model store. Grant a full key such as aliases/candidate.json, or a prefix such as runs/*.`,
    );
  }
  return key;
}
