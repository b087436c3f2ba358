import { suffixOf } from '../batch/batch-jobs.ts';
import { explainGpuQuota, mayRunGpus, readGpuQuota } from '../batch/gpu-quota.ts';
import type { Target } from '../stack/target.ts';

/**
 * What the account's quotas of GPU instances mean for a deployment, which works without any: jobs use the CPU queue then.
 *
 * @returns the quotas, where both allow a job
 */
export async function gpuAdvice(target: Target): Promise<string | { readonly warning: string }> {
  const quota = await readGpuQuota(target.clientConfig);
  const advice = explainGpuQuota(quota);
  if (advice === undefined) return `${quota.onDemand} vCPUs on demand, ${quota.spot} on Spot`;
  if (mayRunGpus(quota) !== false) return { warning: advice };
  const warning = `${advice}\nUntil then "./cifar10 submit${suffixOf(target)}" uses the CPU queue.`;
  return { warning };
}
