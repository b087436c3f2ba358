import { Stack, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { ModelBucket } from '../models/model-bucket.ts';
import { checkPictureBuckets } from './picture-buckets.ts';

/**
 * The role of jobs that classify pictures: they read a plan, a model and pictures, and write answers. What they write is of
 * their plan, so that a job which broken pictures have taken over can change no model, run or alias.
 *
 * @param pictureBuckets names of other buckets that it may read. One of another account must allow the role as well.
 */
export function classifyRole(
  scope: Construct,
  id: string,
  { models, pictureBuckets }: { readonly models: ModelBucket; readonly pictureBuckets: readonly string[] },
): iam.Role {
  const role = new iam.Role(scope, id, { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
  models.grantRead(role, 'models/*', 'plans/*', 'pictures/*');
  models.grantWrite(role, 'plans/*/started/*', 'plans/*/failures/*', 'plans/*/results/*', 'batches/*/answers/*');
  const names = checkPictureBuckets(pictureBuckets);
  if (names.length > 0) grantOtherBuckets(role, names);
  return role;
}

/**
 * Listing is what makes S3 tell a picture that is gone (404) from one that is forbidden (403). The key of an encrypted bucket may be
 * used for its objects alone: S3 names the object, or with a bucket key the bucket, to the key.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html for the encryption context
 */
function grantOtherBuckets(role: iam.Role, names: readonly string[]): void {
  const arn = (resource: string) => Stack.of(role).formatArn({ service: 's3', region: '', account: '', resource });
  const [buckets, objects] = [names.map(arn), names.map((name) => arn(`${name}/*`))];
  role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: objects }));
  role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:ListBucket'], resources: buckets }));
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: ['kms:Decrypt'],
      resources: ['*'],
      conditions: { StringLike: { 'kms:EncryptionContext:aws:s3:arn': [...buckets, ...objects] } },
    }),
  );
  for (const name of names) {
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::${name}/*]`,
      reason: 'The one who deploys names the bucket, and a plan which of its pictures to classify.',
    });
  }
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'Which key a bucket uses is not known in advance; the condition limits it to objects of the buckets named.',
  });
}
