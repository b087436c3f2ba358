import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import { describe, expect, it } from 'vitest';
import { ModelBucket } from './model-bucket.ts';

function givenBucket() {
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }));
  const models = new ModelBucket(stack, 'Models');
  const role = new iam.Role(stack, 'Role', { assumedBy: new iam.AnyPrincipal() });
  return { stack, models, role };
}

describe('ModelBucket', () => {
  it('is versioned, encrypted and private', () => {
    const { stack } = givenBucket();

    Template.fromStack(stack).hasResourceProperties('AWS::S3::Bucket', {
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
  });

  it('refuses requests without TLS', () => {
    const { stack } = givenBucket();

    Template.fromStack(stack).hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: 's3:*',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ]),
      },
    });
  });

  it.each(['AWS::S3::Bucket', 'AWS::S3::BucketPolicy'])(
    'keeps the %s when the stack is deleted, unless its first deployment fails',
    (type) => {
      const { stack } = givenBucket();

      Template.fromStack(stack).hasResource(type, {
        DeletionPolicy: 'RetainExceptOnCreate',
        UpdateReplacePolicy: 'Retain',
      });
    },
  );

  it('never expires a model, an alias, a result or a picture: only what was replaced or deleted, of runs, plans, batches and models', () => {
    const { stack } = givenBucket();

    const buckets = Object.values(Template.fromStack(stack).findResources('AWS::S3::Bucket'));
    for (const rule of buckets.flatMap(({ Properties }) => Properties.LifecycleConfiguration.Rules)) {
      expect(rule).not.toHaveProperty('ExpirationInDays');
      if (rule.NoncurrentVersionExpiration) expect(rule.Prefix).toMatch(/^(runs|plans|batches|models)\/$/);
    }
  });

  it.each([
    ['runs/', 7],
    ['plans/', 7],
    ['batches/', 7],
    ['models/', 30],
  ] as const)('lets a deleted object below %s go without a trace after %i days', (prefix, days) => {
    const { stack } = givenBucket();

    Template.fromStack(stack).hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({
            Prefix: prefix,
            Status: 'Enabled',
            NoncurrentVersionExpiration: { NoncurrentDays: days },
            ExpiredObjectDeleteMarker: true,
          }),
        ]),
      },
    });
  });

  it('lets a reader get and list the granted keys, and nothing else', () => {
    const { stack, models, role } = givenBucket();

    models.grantRead(role, 'models/*', 'aliases/candidate.json');

    const bucket = { 'Fn::GetAtt': [Match.stringLikeRegexp('^Models'), 'Arn'] };
    Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Allow',
            Action: 's3:GetObject',
            Resource: [
              { 'Fn::Join': ['', [bucket, '/models/*']] },
              { 'Fn::Join': ['', [bucket, '/aliases/candidate.json']] },
            ],
          },
          {
            Effect: 'Allow',
            Action: 's3:ListBucket',
            Resource: bucket,
            Condition: { StringLike: { 's3:prefix': ['models/*', 'aliases/candidate.json'] } },
          },
        ],
      },
    });
  });

  it.each([
    ['metricBucketSizeBytes', 'BucketSizeBytes', 'StandardStorage', 'Bytes'],
    ['metricNumberOfObjects', 'NumberOfObjects', 'AllStorageTypes', 'Count'],
  ] as const)('has S3’s own metric: %s, once a day', (method, metricName, storageType, unit) => {
    const { stack, models } = givenBucket();

    const metric = models[method]().toMetricConfig().metricStat;
    expect(metric).toMatchObject({ namespace: 'AWS/S3', metricName, statistic: 'Average', unitFilter: unit });
    expect(metric?.period.toDays()).toBe(1);
    expect(stack.resolve(metric?.dimensions)).toEqual([
      { name: 'BucketName', value: stack.resolve(models.bucket.bucketName) },
      { name: 'StorageType', value: storageType },
    ]);
  });

  it('lets a writer write one folder of each plan', () => {
    const { stack, models, role } = givenBucket();

    models.grantWrite(role, 'plans/*/results/*');

    const bucket = { 'Fn::GetAtt': [Match.stringLikeRegexp('^Models'), 'Arn'] };
    Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: [
          { Effect: 'Allow', Action: 's3:PutObject', Resource: { 'Fn::Join': ['', [bucket, '/plans/*/results/*']] } },
        ],
      },
    });
  });

  it.each(['*', 'models', '/models/*', 'models/**', '*/results/*', 'plans/*/*/*', 's3://b/models/*', ''])(
    'refuses to grant %j, which is not a key',
    (key) => {
      const { models, role } = givenBucket();

      expect(() => models.grantWrite(role, key)).toThrow(`"${key}" is not a key of the model store`);
    },
  );
});
