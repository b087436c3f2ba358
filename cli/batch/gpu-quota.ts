import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import type { ClientConfig } from '../stack/target.ts';

/** vCPUs of G and VT instances that an account may run at a time in one region; `undefined` where it is unknown. */
export interface GpuQuota {
  readonly region: string;
  readonly onDemand: number | undefined;
  readonly spot: number | undefined;
  /** Why a value is unknown. */
  readonly problem?: string;
}

/**
 * "Running On-Demand G and VT instances" and "All G and VT Spot Instance Requests", both in vCPUs. A new account has 0 of each.
 *
 * @see https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
 */
export const quotaCodes = { onDemand: 'L-DB2E81BA', spot: 'L-3819A6DF' } as const;

/** vCPUs of the smallest instances that the GPU queue starts: g4dn.xlarge, g5.xlarge and g6.xlarge. */
const LEAST_VCPUS = 4;

/** Milliseconds for each quota: a check must not hold up what it is made for. */
const PATIENCE = 15_000;

/**
 * Reads the quotas of the account in the client's region. Whatever fails leaves a value unknown: no caller may depend on the
 * right to read quotas.
 *
 * @see https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
 */
export async function readGpuQuota(clientConfig: ClientConfig): Promise<GpuQuota> {
  const { ServiceQuotasClient } = await import('@aws-sdk/client-service-quotas');
  const client = new ServiceQuotasClient(clientConfig);
  const [onDemand, spot] = await Promise.allSettled([
    readQuota(client, quotaCodes.onDemand),
    readQuota(client, quotaCodes.spot),
  ]);
  const problem = [onDemand, spot].find((each) => each.status === 'rejected')?.reason as Error | undefined;
  return {
    region: await client.config.region(),
    onDemand: onDemand.status === 'fulfilled' ? onDemand.value : undefined,
    spot: spot.status === 'fulfilled' ? spot.value : undefined,
    ...(problem && { problem: `${problem.name}: ${problem.message}` }),
  };
}

/**
 * The value that applies to the account; where AWS has none of its own for it, the default of the region.
 *
 * @param service as Service Quotas calls it
 */
export async function readQuota(
  client: ServiceQuotasClient,
  code: string,
  service = 'ec2',
): Promise<number | undefined> {
  const { GetServiceQuotaCommand, GetAWSDefaultServiceQuotaCommand, NoSuchResourceException } = await import(
    '@aws-sdk/client-service-quotas'
  );
  const asked = { ServiceCode: service, QuotaCode: code };
  const options = { abortSignal: AbortSignal.timeout(PATIENCE) };
  try {
    return (await client.send(new GetServiceQuotaCommand(asked), options)).Quota?.Value;
  } catch (error) {
    if (!(error instanceof NoSuchResourceException)) throw error;
    return (await client.send(new GetAWSDefaultServiceQuotaCommand(asked), options)).Quota?.Value;
  }
}

/** Whether the account may start an instance for a job; `undefined` where that is unknown. */
export function mayRunGpus({ onDemand, spot }: Pick<GpuQuota, 'onDemand' | 'spot'>): boolean | undefined {
  if ((onDemand ?? 0) >= LEAST_VCPUS || (spot ?? 0) >= LEAST_VCPUS) return true;
  return onDemand === undefined || spot === undefined ? undefined : false;
}

/**
 * What the quotas mean for GPU jobs, with the remedy.
 *
 * @returns `undefined` where both allow a job
 */
export function explainGpuQuota(quota: GpuQuota): string | undefined {
  const { region, onDemand, spot, problem } = quota;
  const [lacksOnDemand, lacksSpot] = [lacks(onDemand), lacks(spot)];
  if (mayRunGpus(quota) === false) {
    return (
      `This account may start no GPU instance in ${region}: its quotas of G and VT instances are ${onDemand} vCPUs on demand and ${spot} on Spot, and a job needs ${LEAST_VCPUS}. ` +
      `Ask AWS for ${LEAST_VCPUS} or more, which takes hours to days:\n${request(region, 'onDemand')}\n${request(region, 'spot')}`
    );
  }
  if (lacksOnDemand) {
    return `This account may start GPU instances in ${region} on Spot only (quota on demand: ${onDemand} vCPUs, a job needs ${LEAST_VCPUS}): jobs wait while there is no Spot capacity. Ask AWS for more:\n${request(region, 'onDemand')}`;
  }
  if (lacksSpot) {
    return `This account may start GPU instances in ${region} on demand only (Spot quota: ${spot} vCPUs, a job needs ${LEAST_VCPUS}), which costs more. Ask AWS for more:\n${request(region, 'spot')}`;
  }
  if (problem === undefined) return undefined;
  return (
    `Whether this account may start GPU instances in ${region} is unknown (${problem}). ` +
    `Look at the quota of G and VT instances; a job needs ${LEAST_VCPUS} vCPUs, and new accounts have 0:\n${request(region, 'onDemand')}`
  );
}

function lacks(vcpus: number | undefined): boolean {
  return vcpus !== undefined && vcpus < LEAST_VCPUS;
}

/** The page of the console, where there is one, and the command that ask for a quota. */
function request(region: string, kind: keyof typeof quotaCodes): string {
  const code = quotaCodes[kind];
  const page = quotaPage(region, code);
  const command = `aws service-quotas request-service-quota-increase --service-code ec2 --quota-code ${code} --desired-value ${LEAST_VCPUS} --region ${region}`;
  return [page, command].flatMap((line) => (line === undefined ? [] : [`  ${line}`])).join('\n');
}

/** The domain of the console, by the partition of a region: China, GovCloud, and AWS's own. */
const consoles: readonly (readonly [region: RegExp, domain: string])[] = [
  [/^cn-/, 'console.amazonaws.cn'],
  [/^us-gov-/, 'console.amazonaws-us-gov.com'],
  [/^[a-z]{2}-(?!iso)/, 'console.aws.amazon.com'],
];

/**
 * The page of the console that shows a quota and asks for more.
 *
 * @returns `undefined` in partitions whose console is not public
 */
export function quotaPage(region: string, code: string, service = 'ec2'): string | undefined {
  const domain = consoles.find(([ofRegion]) => ofRegion.test(region))?.[1];
  return domain && `https://${domain}/servicequotas/home/services/${service}/quotas/${code}?region=${region}`;
}
