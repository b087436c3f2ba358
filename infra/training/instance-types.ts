import offerings from './instance-offerings.json' with { type: 'json' };

/** Names of instance types, such as `g5.xlarge`, for the two queues. */
export interface InstanceTypes {
  readonly gpu: readonly string[];
  readonly cpu: readonly string[];
}

/** One GPU, 4 vCPU and at least 16 GiB each, the best value first. */
const gpuTypes = ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge', 'g6e.xlarge'];

/** Enough for Spot to find one with capacity; the dearest are only for regions that have few others. */
const mostGpuTypes = 3;

/** 2 vCPU and 4 or 8 GiB each, of processors that compute in bfloat16: AVX512_BF16 (AMD), AMX (Intel). */
const bfloat16Types = ['c7a.large', 'c7i.large', 'm7a.large', 'm7i.large'];

/** The same without bfloat16, for regions that have none of those. */
const otherCpuTypes = ['c6i.large', 'm6i.large'];

/** All types that {@link chooseInstanceTypes} chooses from: the ones to ask a region for. */
export const candidateTypes: readonly string[] = [...gpuTypes, ...bfloat16Types, ...otherCpuTypes];

/**
 * The instance types that the queues use in a region.
 *
 * Batch refuses a compute environment that names a type which its region lacks.
 *
 * @param offered names of types that the region offers, as `DescribeInstanceTypeOfferings` tells them; others are ignored
 * @returns those to use, the best value first; none for a queue that cannot exist there
 */
export function chooseInstanceTypes(offered: ReadonlySet<string>): InstanceTypes {
  const of = (types: readonly string[]) => types.filter((type) => offered.has(type));
  const bfloat16 = of(bfloat16Types);
  return { gpu: of(gpuTypes).slice(0, mostGpuTypes), cpu: bfloat16.length > 0 ? bfloat16 : of(otherCpuTypes) };
}

/** Where the project's own table is from, for messages. */
export const offeringsSource = `${offerings.source}, ${offerings.date}`;

/** The regions of the project's own table. */
export const knownRegions: readonly string[] = Object.keys(offerings.regions);

/**
 * The candidates that a region offers by the project's own table, `instance-offerings.json`.
 *
 * @param region such as `eu-west-1`
 * @returns `undefined` for a region that the table does not have
 */
export function offeredIn(region: string): ReadonlySet<string> | undefined {
  const types = (offerings.regions as Readonly<Record<string, string>>)[region];
  return types === undefined ? undefined : new Set(types.split(' '));
}
