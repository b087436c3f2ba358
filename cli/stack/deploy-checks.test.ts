/** What `deploy` asks of the region and the account before it changes anything, on a server that answers as AWS does. */
import { describe, expect, test } from 'vitest';
import { UsageError } from '#errors/user-error.ts';
import { ensureBootstrap } from './bootstrap.ts';
import { bootstrapCdk } from './cdk.ts';
import { deploy } from './deploy.ts';
import { settleOptions } from './deploy-options.ts';
import { LoopbackCloud, Refusal } from './loopback-cloud.fixture.ts';
import { regionTypes } from './region-types.ts';
import type { Target } from './target.ts';

describe('instance types', () => {
  test.each([
    [
      'us-east-1',
      [
        ['g4dn.xlarge', 'g5.xlarge'],
        ['g6.xlarge', 'g6e.xlarge', 'c7a.large', 'c7i.large', 'm7a.large', 'm7i.large'],
      ],
      { gpu: ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'], cpu: ['c7a.large', 'c7i.large', 'm7a.large', 'm7i.large'] },
    ],
    [
      'eu-west-1',
      [['m7i.large', 'c7i.large'], [], ['g5.xlarge'], ['g4dn.xlarge', 'c6i.large']],
      { gpu: ['g4dn.xlarge', 'g5.xlarge'], cpu: ['c7i.large', 'm7i.large'] },
    ],
    [
      'ap-southeast-3',
      [['c6i.large', 'm6i.large', 'g4dn.xlarge']],
      { gpu: ['g4dn.xlarge'], cpu: ['c6i.large', 'm6i.large'] },
    ],
    ['mx-central-1', [['g6.xlarge']], { gpu: ['g6.xlarge'], cpu: ['optimal'] }],
  ])('those that %s offers, over all pages', async (region, offerings, types) => {
    await using cloud = new LoopbackCloud();
    cloud.offerings = offerings;
    const notes: string[] = [];

    expect(await regionTypes(await cloud.open(region), (note) => notes.push(note))).toEqual(types);
    expect(notes).toEqual([
      `instance types of ${region}: ${types.gpu.join(', ')} for GPUs, ${types.cpu.join(', ')} without`,
    ]);
  });

  test.each([
    ['UnauthorizedOperation', 403],
    ['AccessDenied', 403],
  ])('by our own table where the account may not ask: %s', async (code, status) => {
    await using cloud = new LoopbackCloud();
    cloud.refusals.set('DescribeInstanceTypeOfferings', new Refusal(code, 'You are not authorized', status));
    const notes: string[] = [];

    const { gpu } = await regionTypes(await cloud.open('eu-west-1'), (note) => notes.push(note));
    expect(gpu).toContain('g5.xlarge');
    expect(gpu).not.toContain('g6.xlarge');
    expect(notes[0]).toMatch(/by this project's table \(.*\), since you may not ask EC2: g4dn\.xlarge/);
    await expect(regionTypes(await cloud.open('xx-nowhere-1'), () => {})).rejects.toThrow(
      'You may not ask EC2 what xx-nowhere-1 offers (ec2:DescribeInstanceTypeOfferings)',
    );
  });

  test('where a region has no GPU, the deployment fails before it asks CloudFormation for anything', async () => {
    await using cloud = new LoopbackCloud();
    cloud.offerings = [['c7a.large', 'm7a.large']];
    const target = await cloud.open('eu-west-1');

    await expect(deploy(target, registry(target))).rejects.toThrow(
      'EC2 offers none of the GPU types that this project uses in eu-west-1. Choose another region',
    );
    expect(changes(cloud)).toEqual([]);
  });
});

describe('Docker', () => {
  test.each([
    [{}, '--training-image and --cpu-training-image'],
    [{ trainingImage: 'ghcr.io/a/b:1' }, '--cpu-training-image'],
    [{ cpuTrainingImage: 'ghcr.io/a/b:1' }, '--training-image'],
  ])('is missed before anything is asked of AWS, unless no image is built: %o', async (options, named) => {
    await using cloud = new LoopbackCloud();
    const target = await cloud.open();
    const without = { ...target, environment: { ...target.environment, CDK_DOCKER: '/no/such/docker' } };

    const failed = deploy(without, options);
    await expect(failed).rejects.toThrow('"/no/such/docker version" fails on this machine. Start Docker, or give');
    await expect(failed).rejects.toThrow(`in a registry with ${named}.`);
    expect(cloud.asked).not.toContain('DescribeInstanceTypeOfferings');
  });
});

describe('what CDK keeps in the account', () => {
  test.each(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE'])(
    'is used as it is in %s',
    async (status) => {
      await using cloud = new LoopbackCloud();
      cloud.toolkit = { statuses: ['UPDATE_IN_PROGRESS', status], outputs: { BootstrapVersion: '6' } };
      const reported: string[] = [];

      await ensureBootstrap(await cloud.open(), (line) => reported.push(line));
      expect(reported).toEqual(['wait for CDKToolkit: UPDATE_IN_PROGRESS']);
    },
  );

  test('is not updated for others where it is too old', async () => {
    await using cloud = new LoopbackCloud();
    cloud.toolkit = { statuses: ['UPDATE_COMPLETE'], outputs: { BootstrapVersion: '4' } };

    await expect(ensureBootstrap(await cloud.open(), () => {})).rejects.toThrow(
      /has version 4, and this project needs 6 or newer\..* npx cdk bootstrap aws:\/\/123456789012\/eu-west-1$/,
    );
    expect(changes(cloud)).toEqual([]);
  });

  test('that it cannot be created is said with the reason, and what to do about a bucket that is left', async () => {
    await using cloud = new LoopbackCloud();
    cloud.toolkit = {
      statuses: ['ROLLBACK_FAILED'],
      events: [
        [
          'StagingBucket',
          'AWS::S3::Bucket',
          'CREATE_FAILED',
          'cdk-hnb659fds-assets-123456789012-eu-west-1 already exists',
        ],
        ['CDKToolkit', 'AWS::CloudFormation::Stack', 'CREATE_IN_PROGRESS', 'User Initiated'],
      ],
    };
    const target = await cloud.open();
    cloud.refusals.set('DeleteStack', new Refusal('AccessDenied', 'not here', 403));

    const failed = ensureBootstrap(target, () => {});
    await expect(failed).rejects.toThrow(
      'StagingBucket (AWS::S3::Bucket): cdk-hnb659fds-assets-123456789012-eu-west-1',
    );
    await expect(failed).rejects.toThrow('aws s3 rb s3://cdk-hnb659fds-assets-123456789012-eu-west-1 --force');
  });
});

test('credentials that expire while CDK works are named as the cause, and not as missing', async () => {
  await using cloud = new LoopbackCloud();
  const target = await cloud.open();
  const expired = new Refusal('ExpiredToken', 'The security token included in the request is expired', 403);
  for (const action of ['GetCallerIdentity', 'AssumeRole']) cloud.refusals.set(action, expired);

  await expect(bootstrapCdk(target, 'aws://123456789012/eu-west-1')).rejects.toThrow(
    'Your AWS credentials (AWS_ACCESS_KEY_ID, region eu-west-1) have expired: The security token included in the request is expired.',
  );
});

describe('options', () => {
  const aws = { name: 'aws', account: '123456789012', region: 'eu-west-1' } as Target;
  const defaults = {
    ...{ trainingImage: undefined, cpuTrainingImage: undefined, auth: 'key', origins: [], shift: 'canary' },
    ...{ pictureBuckets: [], maxVcpus: 16, watch: 'on', email: undefined, budget: undefined },
  };
  const kept = {
    ...{ Auth: 'none' as const, Origins: 'https://a.org https://b.org', TrainingImage: 'ghcr.io/a/b:1' },
    ...{ PictureBuckets: 'photos scans', MaxVcpus: '64', BucketName: 'models', Shift: 'linear' as const },
    ...{ Watch: 'off' as const, Email: 'me@example.org', Budget: '20' },
  };

  test('hold until they are changed, and go back to the defaults', () => {
    expect(settleOptions(aws, {})).toEqual(defaults);
    const before = {
      ...defaults,
      trainingImage: kept.TrainingImage,
      auth: 'none',
      origins: ['https://a.org', 'https://b.org'],
      pictureBuckets: ['photos', 'scans'],
      ...{ maxVcpus: 64, shift: 'linear' },
      ...{ watch: 'off', email: 'me@example.org', budget: 20 },
    };
    expect(settleOptions(aws, {}, kept)).toEqual(before);
    expect(settleOptions(aws, { cpuTrainingImage: 'ghcr.io/a/c:1' }, kept)).toEqual({
      ...before,
      cpuTrainingImage: 'ghcr.io/a/c:1',
    });
    const back = {
      ...({ auth: 'key', origins: [], trainingImage: 'build', pictureBuckets: [], maxVcpus: 16 } as const),
      ...({ shift: 'canary', watch: 'on', email: 'none', budget: 'none' } as const),
    };
    expect(settleOptions(aws, back, kept)).toEqual(defaults);
    expect(settleOptions(aws, { pictureBuckets: ['scans', 'scans'] }, kept).pictureBuckets).toEqual(['scans']);
  });

  test.each([
    [{ pictureBuckets: ['s3://photos'] }, '--pictures: "s3://photos" is not the name of a bucket. Give the name alone'],
    [{ pictureBuckets: ['models'] }, '--pictures: models is the stack’s own bucket. Jobs may read the pictures below'],
    [{ email: 'me' }, '--email: "me" is not an e-mail address. Give one, such as me@example.org.'],
    [{ email: 'none' }, '--email none: the budget of 20 USD a month would have nobody to tell. Give --budget none'],
    [{ budget: 0.5 }, '--budget: The budget is 0.5. Give US dollars a month, at least 1, such as 20.'],
    [{ email: 'none', budget: 5 }, '--budget 5: nobody would be told of it. Give an address with it, such as --email'],
    [{ maxVcpus: 2 }, '--max-vcpus: maxVcpus is 2. Give a whole number of at least 4, the vCPUs of one job.'],
  ])('%o is refused', (options, message) => {
    expect(() => settleOptions(aws, options, kept)).toThrow(message);
    expect(() => settleOptions(aws, options, kept)).toThrow(UsageError);
  });

  test.each([
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1',
    '123456789012.dkr-ecr.eu-west-1.on.aws/training:1',
    'public.ecr.aws/a/b:1',
    'registry.example.org:5000/training@sha256:0123',
  ])('%s may be deployed', (image) => {
    expect(settleOptions(aws, { trainingImage: image }).trainingImage).toBe(image);
  });

  test.each([
    [
      '210987654321.dkr.ecr.eu-west-1.amazonaws.com/training:1',
      /registry of account 210987654321, and the stack in account 123456789012\. Jobs may pull.* own account only\. Copy it to 123456789012\.dkr\.ecr\.eu-west-1/,
    ],
    [
      '123456789012.dkr.ecr.us-east-1.amazonaws.com/training:1',
      /is in region us-east-1, and the stack in eu-west-1\. .*paid for by the gigabyte\. Copy it/,
    ],
    ['123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/training:1', /is in region us-east-1/],
    ['123456789012.dkr-ecr.us-east-1.on.aws/training:1', /is in region us-east-1/],
    ['123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov/training:1', /is in region us-iso-east-1/],
  ])('%s is refused with the reason', (image, reason) => {
    expect(() => settleOptions(aws, { cpuTrainingImage: image })).toThrow(reason);
    expect(() => settleOptions(aws, { cpuTrainingImage: image })).toThrow(UsageError);
    expect(() => settleOptions(aws, {}, { TrainingImage: image })).toThrow(/^--training-image: /);
  });
});

/** Images that nothing is built for. */
function registry({ account, region }: Target) {
  const image = `${account}.dkr.ecr.${region}.amazonaws.com/training:1`;
  return { trainingImage: image, cpuTrainingImage: image };
}

/** What was asked that changes the account. */
function changes({ asked }: LoopbackCloud): string[] {
  return asked.filter((action) => !/^(Describe|Get|List)/.test(action));
}
