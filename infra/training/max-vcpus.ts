/** Four jobs on GPUs at a time, and eight on processors. */
export const defaultMaxVcpus = 16;

/** The vCPUs of one job on a GPU, which is the largest. */
export const jobVcpus = 4;

/**
 * Checks the limit of a queue's vCPUs.
 *
 * @param vcpus of the largest job. @default those of a job on a GPU
 * @throws {Error} it is no whole number, or no job would ever fit
 */
export function checkMaxVcpus(maxVcpus: number, vcpus = jobVcpus): number {
  if (Number.isInteger(maxVcpus) && maxVcpus >= vcpus) return maxVcpus;
  throw new Error(`maxVcpus is ${maxVcpus}. Give a whole number of at least ${vcpus}, the vCPUs of one job.`);
}
