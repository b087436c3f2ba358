import { describe, expect, it, test } from 'vitest';
import { type AwsAnswer, startAwsServer } from './aws-server.fixture.ts';
import { explainGpuQuota, mayRunGpus, quotaCodes, readGpuQuota } from './gpu-quota.ts';

const noSuchResource: AwsAnswer = { error: 'NoSuchResourceException', message: 'The request failed because …' };

describe('readGpuQuota', () => {
  it('reads what applies to the account', async () => {
    const values: Record<string, number> = { [quotaCodes.onDemand]: 8, [quotaCodes.spot]: 0 };
    await using aws = await startAwsServer(({ input }) => ({
      output: { Quota: { ServiceCode: 'ec2', Value: values[String(input.QuotaCode)], Unit: 'None' } },
    }));

    expect(await readGpuQuota(aws.clientConfig)).toEqual({ region: 'eu-west-1', onDemand: 8, spot: 0 });
    expect(aws.requests.map(({ operation, input }) => [operation, input.ServiceCode, input.QuotaCode])).toEqual([
      ['GetServiceQuota', 'ec2', 'L-DB2E81BA'],
      ['GetServiceQuota', 'ec2', 'L-3819A6DF'],
    ]);
  });

  it('takes the default where AWS has no value for the account', async () => {
    await using aws = await startAwsServer(({ operation }) =>
      operation === 'GetServiceQuota' ? noSuchResource : { output: { Quota: { Value: 0 } } },
    );

    expect(await readGpuQuota(aws.clientConfig)).toEqual({ region: 'eu-west-1', onDemand: 0, spot: 0 });
  });

  it('knows nothing without the right to read quotas, and says so', async () => {
    await using aws = await startAwsServer(() => ({
      error: 'AccessDeniedException',
      message: 'User … is not authorized to perform: servicequotas:GetServiceQuota',
    }));

    const quota = await readGpuQuota(aws.clientConfig);

    expect(quota).toMatchObject({ onDemand: undefined, spot: undefined });
    expect(mayRunGpus(quota)).toBeUndefined();
    expect(explainGpuQuota(quota)).toContain(
      'in eu-west-1 is unknown (AccessDeniedException: User … is not authorized to perform: servicequotas:GetServiceQuota)',
    );
  });

  it('keeps the value that it could read', async () => {
    await using aws = await startAwsServer(({ input }) =>
      input.QuotaCode === quotaCodes.spot ? { error: 'AccessDeniedException' } : { output: { Quota: { Value: 4 } } },
    );

    expect(await readGpuQuota(aws.clientConfig)).toMatchObject({ onDemand: 4, spot: undefined });
  });
});

test.each([
  [0, 0, false],
  [3, 0, false],
  [4, 0, true],
  [0, 4, true],
  [0, undefined, undefined],
  [undefined, 8, true],
] as const)('with %s vCPUs on demand and %s on Spot, that a GPU job may run is %s', (onDemand, spot, expected) => {
  expect(mayRunGpus({ onDemand, spot })).toBe(expected);
});

describe('explainGpuQuota', () => {
  const region = 'eu-west-1';

  it('has nothing to say where a job may run, either way', () => {
    expect(explainGpuQuota({ region, onDemand: 4, spot: 4 })).toBeUndefined();
  });

  it('says how to ask for both quotas: the page of the region, and the command', () => {
    expect(explainGpuQuota({ region, onDemand: 0, spot: 0 })?.split('\n')).toEqual([
      'This account may start no GPU instance in eu-west-1: its quotas of G and VT instances are 0 vCPUs on demand and 0 on Spot, and a job needs 4. Ask AWS for 4 or more, which takes hours to days:',
      '  https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-DB2E81BA?region=eu-west-1',
      '  aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-DB2E81BA --desired-value 4 --region eu-west-1',
      '  https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-3819A6DF?region=eu-west-1',
      '  aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-3819A6DF --desired-value 4 --region eu-west-1',
    ]);
  });

  it.each([
    [{ onDemand: 8, spot: 0 }, 'on demand only (Spot quota: 0 vCPUs', quotaCodes.spot],
    [{ onDemand: 0, spot: 8 }, 'on Spot only (quota on demand: 0 vCPUs', quotaCodes.onDemand],
  ])('names the one that is missing of %j', (values, text, code) => {
    const said = explainGpuQuota({ region, ...values });
    expect(said).toContain(text);
    expect(said?.match(/--quota-code \S+/g)).toEqual([`--quota-code ${code}`]);
  });

  it.each([
    ['cn-north-1', 'https://console.amazonaws.cn/servicequotas/'],
    ['us-gov-west-1', 'https://console.amazonaws-us-gov.com/servicequotas/'],
    ['us-iso-east-1', undefined],
  ])('links to the console of the partition of %s', (name, expected) => {
    const link = explainGpuQuota({ region: name, onDemand: 0, spot: 0 })?.match(/https:\S+\/servicequotas\//)?.[0];
    expect(link).toBe(expected);
  });
});
