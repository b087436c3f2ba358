import {
  candidateTypes,
  chooseInstanceTypes,
  type InstanceTypes,
  offeredIn,
  offeringsSource,
} from './instance-types.ts';

/** What of a deployment depends on its region. */
export interface RegionalSettings {
  readonly instanceTypes: InstanceTypes;
  /** How many Availability Zones the instances may run in. */
  readonly zones: number;
  /** What will probably not work, for the one who deploys. */
  readonly warnings: readonly string[];
}

/** Names of instance types, separated by blanks, as the contexts `instanceTypes` and `cpuInstanceTypes` have them. */
export interface GivenTypes {
  /** `none` leaves out the GPU queue. @default what the region offers */
  readonly gpu?: string | undefined;
  /** @default what the region offers */
  readonly cpu?: string | undefined;
}

/**
 * Batch's own choice among x86-64 families that the region has; for a region that the table does not know.
 *
 * @see https://docs.aws.amazon.com/batch/latest/APIReference/API_ComputeResource.html
 */
const optimal = 'optimal';

/** us-west-1 gives new accounts two zones, and a third in Beijing is not certain. A template must not ask for more. */
const regionsWithTwoZones = ['us-west-1', 'cn-north-1'];

/**
 * Chooses what depends on the region; what was given wins.
 *
 * @param region such as `eu-west-1`; `undefined` makes a template for any region that has the usual GPU types
 * @throws {Error} the region has no GPU type by the table, or is not in it, and none was given: the message says what to give
 */
export function regionalSettings(region: string | undefined, given: GivenTypes = {}): RegionalSettings {
  const gpu = given.gpu === undefined ? gpuTypesOf(region) : given.gpu === 'none' ? [] : namesIn(given.gpu);
  const cpu = given.cpu === undefined ? cpuTypesOf(region) : namesIn(given.cpu);
  return {
    instanceTypes: { gpu, cpu },
    zones: region === undefined || regionsWithTwoZones.includes(region) ? 2 : 3,
    warnings: [...gpu, ...cpu].flatMap((type) => warningOf(type, region) ?? []),
  };
}

function gpuTypesOf(region: string | undefined): readonly string[] {
  if (region === undefined) return chooseInstanceTypes(new Set(candidateTypes)).gpu;
  const offered = offeredIn(region);
  const ask = `aws ec2 describe-instance-type-offerings --region ${region} --query 'InstanceTypeOfferings[].InstanceType' --filters 'Name=instance-type,Values=g4dn.*,g5.*,g6.*,g6e.*'`;
  if (offered === undefined) {
    throw new Error(
      `The table of instance types (${offeringsSource}) does not have the region ${region}. Name GPU types that it offers, such as -c instanceTypes="g5.xlarge g6.xlarge", or give -c instanceTypes=none for a CPU queue only. This lists them: ${ask}`,
    );
  }
  const { gpu } = chooseInstanceTypes(offered);
  if (gpu.length === 0) {
    throw new Error(
      `${region} offers no GPU type that this project uses (${offeringsSource}). Deploy to another region, give -c instanceTypes=none for a CPU queue only, or name types that it offers by now, such as -c instanceTypes=g6.xlarge. This lists them: ${ask}`,
    );
  }
  return gpu;
}

function cpuTypesOf(region: string | undefined): readonly string[] {
  const offered = region === undefined ? undefined : offeredIn(region);
  return offered === undefined ? [optimal] : chooseInstanceTypes(offered).cpu;
}

function namesIn(context: string): readonly string[] {
  return context.split(/\s+/).filter(Boolean);
}

/** By family, since the table has one size of each. */
function warningOf(type: string, region: string | undefined): string | undefined {
  const offered = region === undefined ? undefined : offeredIn(region);
  const isOfFamily = (other: string) => other.startsWith(`${family}.`);
  const [family] = type.split('.');
  if (offered === undefined || !candidateTypes.some(isOfFamily) || [...offered].some(isOfFamily)) return undefined;
  return `${region} has no ${family} instances (${offeringsSource}), and AWS Batch refuses an environment that names ${type} where the region lacks it.`;
}
