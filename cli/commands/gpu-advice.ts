import { suffixOf } from '../batch/batch-jobs.ts';
import { explainGpuQuota, mayRunGpus, readGpuQuota } from '../batch/gpu-quota.ts';
import type { Target } from '../stack/target.ts';

/**
 * What the account's quotas of GPU instances mean for a deployment, which works without any: jobs use the CPU queue then.
 *
 * @returns `undefined` where both allow a job
 */
export async function gpuAdvice(target: Target): Promise<string | undefined> {
  const quota = await readGpuQuota(target.clientConfig);
  const advice = explainGpuQuota(quota);
  if (mayRunGpus(quota) !== false) return advice;
  return `${advice}\nUntil then "./cifar10 submit${suffixOf(target)}" uses the CPU queue.`;
}
