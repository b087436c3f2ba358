import { BatchClient } from '@aws-sdk/client-batch';
import { DescribeImagesCommand, ECRClient, ECRServiceException } from '@aws-sdk/client-ecr';
import { newestDefinition } from '../batch/job-definition.ts';
import { type EcrImage, parseEcrImage } from '../stack/ecr-image.ts';
import { suffixOf, type Target } from '../stack/target.ts';

/**
 * Whether ECR still has the images that new jobs of the stack run: somebody, or a rule of the repository, may have deleted them.
 *
 * @param stack the outputs of the stack. @default it is not deployed
 * @returns where they are, or what to be warned of
 */
export async function lookAtStoredImages(
  target: Target,
  stack: Readonly<Record<string, string | undefined>> = {},
): Promise<string | { readonly warning: string }> {
  const { JobDefinitionName, CpuJobDefinitionName, ClassifyJobDefinitionName } = stack;
  const batch = new BatchClient(target.clientConfig);
  const images = new Set<string>();
  for (const name of new Set([JobDefinitionName, CpuJobDefinitionName, ClassifyJobDefinitionName])) {
    const definition = name === undefined ? undefined : await newestDefinition(batch, name);
    const image = definition?.containerProperties?.image;
    if (image !== undefined) images.add(image);
  }
  if (images.size === 0) return 'there are no jobs yet that need one';
  const ecr = new ECRClient(target.clientConfig);
  const elsewhere: string[] = [];
  for (const address of images) {
    const image = parseEcrImage(address);
    if (image === undefined) elsewhere.push(address);
    else if (!(await isStored(ecr, image))) {
      return {
        warning: `ECR has no ${address}, so jobs that run it cannot start. "./cifar10 deploy${suffixOf(target)}" pushes an image that it builds; push any other yourself, or name another with --training-image and --cpu-training-image.`,
      };
    }
  }
  const unseen = elsewhere.length === 0 ? '' : `; not looked at, since not in ECR: ${elsewhere.join(', ')}`;
  return `${images.size - elsewhere.length} of ${images.size} are in ECR${unseen}`;
}

async function isStored(ecr: ECRClient, { account, repository, id }: EcrImage): Promise<boolean> {
  try {
    await ecr.send(new DescribeImagesCommand({ registryId: account, repositoryName: repository, imageIds: [id] }));
    return true;
  } catch (error) {
    const isMissing = error instanceof ECRServiceException && /^(Image|Repository)NotFound/.test(error.name);
    if (!isMissing) throw error;
    return false;
  }
}
