import { type BatchClient, type JobDefinition, paginateDescribeJobDefinitions } from '@aws-sdk/client-batch';

/**
 * The revision of a job definition that Batch takes where only its name is given: the newest active one. AWS documents no order
 * of the revisions.
 *
 * @returns `undefined` if none is active
 */
export async function newestDefinition(client: BatchClient, name: string): Promise<JobDefinition | undefined> {
  let newest: JobDefinition | undefined;
  const asked = { jobDefinitionName: name, status: 'ACTIVE' };
  for await (const { jobDefinitions = [] } of paginateDescribeJobDefinitions({ client }, asked)) {
    for (const each of jobDefinitions) if ((each.revision ?? 0) > (newest?.revision ?? -1)) newest = each;
  }
  return newest;
}
