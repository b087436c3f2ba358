import { UserError } from '#errors/user-error.ts';
import {
  candidateTypes,
  chooseInstanceTypes,
  type InstanceTypes,
  offeringsSource,
} from '#infra/training/instance-types.ts';
import { regionalSettings } from '#infra/training/region.ts';
import type { Target } from './target.ts';

/** Batch's own choice, where a region has none of our types without a GPU. */
const OPTIMAL = 'optimal';

/** Refusals by the account's policies. @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html */
const DENIED = /^(UnauthorizedOperation|AccessDenied(Exception)?)$/;

/**
 * The instance types that the stack's queues use: what EC2 says that the region offers, or the project's own table where the
 * account may not ask.
 *
 * @param note is called with what was chosen
 * @throws {UserError} the region has no GPU type for jobs; nothing was deployed
 */
export async function regionTypes(target: Target, note: (text: string) => void): Promise<InstanceTypes> {
  const offered = await offeredTypes(target);
  const chosen = offered === undefined ? typesOfTable(target.region) : chooseInstanceTypes(offered);
  const source =
    offered === undefined ? ` by this project's table (${offeringsSource}), since you may not ask EC2` : '';
  if (chosen.gpu.length === 0) throw noGpuType(target.region);
  const types = { gpu: chosen.gpu, cpu: chosen.cpu.length > 0 ? chosen.cpu : [OPTIMAL] };
  note(
    `instance types of ${target.region}${source}: ${types.gpu.join(', ')} for GPUs, ${types.cpu.join(', ')} without`,
  );
  return types;
}

/**
 * Which of our candidates the target's region offers.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html
 * @returns `undefined` where the account may not ask
 */
async function offeredTypes({ clientConfig }: Target): Promise<ReadonlySet<string> | undefined> {
  // Loaded here: it is the largest client of all, and no other command needs it.
  const { EC2Client, paginateDescribeInstanceTypeOfferings } = await import('@aws-sdk/client-ec2');
  const pages = paginateDescribeInstanceTypeOfferings(
    { client: new EC2Client(clientConfig) },
    { LocationType: 'region', Filters: [{ Name: 'instance-type', Values: [...candidateTypes] }] },
  );
  const offered = new Set<string>();
  try {
    for await (const { InstanceTypeOfferings = [] } of pages) {
      for (const { InstanceType } of InstanceTypeOfferings) if (InstanceType) offered.add(InstanceType);
    }
  } catch (error) {
    if (DENIED.test((error as Error).name)) return undefined;
    throw error;
  }
  return offered;
}

function typesOfTable(region: string): InstanceTypes {
  try {
    return regionalSettings(region).instanceTypes;
  } catch (error) {
    throw new UserError(
      `You may not ask EC2 what ${region} offers (ec2:DescribeInstanceTypeOfferings). ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function noGpuType(region: string): UserError {
  return new UserError(
    `EC2 offers none of the GPU types that this project uses in ${region}. Choose another region, as in "export AWS_REGION=us-east-1", or deploy without a GPU queue: npx cdk deploy -c instanceTypes=none`,
  );
}
