import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { quotaPage, readQuota } from '../batch/gpu-quota.ts';
import type { Target } from '../stack/target.ts';
import type { Check } from './finding.ts';

interface Quota {
  readonly service: 'ec2' | 'lambda';
  readonly code: string;
}

/**
 * "Running On-Demand Standard instances" and "All Standard Spot Instance Requests", in vCPUs, and "Concurrent executions".
 *
 * @see https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const quotas = {
  onDemand: { service: 'ec2', code: 'L-1216C47A' },
  spot: { service: 'ec2', code: 'L-34B43A08' },
  calls: { service: 'lambda', code: 'L-B99A9384' },
} as const satisfies Record<string, Quota>;

/** vCPUs of a job of the CPU queue. */
const JOB_VCPUS = 2;
/** What a new account has; others have a thousand. */
const NEW_ACCOUNT_CALLS = 10;

/** The quotas that processors and functions need; those of GPU instances are looked at apart. */
export function quotaChecks({ clientConfig, region }: Target): Check[] {
  const client = new ServiceQuotasClient(clientConfig);
  /** @returns `undefined` where the user may not read it */
  const read = ({ service, code }: Quota) => readQuota(client, code, service).catch(() => undefined);
  const page = ({ service, code }: Quota) => quotaPage(region, code, service) ?? `${service} ${code}`;
  return [
    {
      name: 'CPU quota',
      look: async () => {
        const [onDemand, spot] = await Promise.all([read(quotas.onDemand), read(quotas.spot)]);
        if (onDemand === undefined && spot === undefined)
          return unknown('vCPUs of standard instances', quotas.onDemand);
        const found = `${onDemand ?? 'unknown'} vCPUs on demand, ${spot ?? 'unknown'} on Spot, ${JOB_VCPUS} for each job`;
        if (Math.max(onDemand ?? 0, spot ?? 0) >= JOB_VCPUS) return found;
        return { warning: `${found}: no job of the CPU queue can start. Ask AWS for more: ${page(quotas.onDemand)}` };
      },
    },
    {
      name: 'function quota',
      look: async () => {
        const calls = await read(quotas.calls);
        if (calls === undefined) return unknown('calls of functions at a time', quotas.calls);
        const found = `${calls.toLocaleString('en')} calls of all functions at a time`;
        if (calls > NEW_ACCOUNT_CALLS) return found;
        return { warning: `${found}: requests beyond are answered with 429. Ask AWS for more: ${page(quotas.calls)}` };
      },
    },
  ];

  function unknown(what: string, quota: Quota) {
    return {
      warning: `The quota of ${what} could not be read, which takes the right servicequotas:GetServiceQuota. Look there: ${page(quota)}`,
    };
  }
}
