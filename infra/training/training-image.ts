import { fileURLToPath } from 'node:url';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';

const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The image that jobs run: from a registry, or built from `training/Dockerfile` on deployment.
 *
 * The image's hash covers what `.dockerignore` lets in.
 *
 * @param props.registryUri such as `123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1` @default built from the repository
 * @param props.device what its TensorFlow computes on @default gpu
 * @param props.directory root of the repository @default this one
 */
export function trainingImage(
  scope: Construct,
  {
    registryUri,
    directory = repositoryRoot,
    device = 'gpu',
  }: { readonly registryUri?: string | undefined; readonly directory?: string; readonly device?: 'gpu' | 'cpu' },
): ecs.ContainerImage {
  if (registryUri !== undefined) return ecs.ContainerImage.fromRegistry(checkedUri(registryUri));
  const asset = new DockerImageAsset(scope, device === 'gpu' ? 'TrainingImage' : 'CpuTrainingImage', {
    directory,
    file: device === 'gpu' ? 'training/Dockerfile' : 'training/Dockerfile.cpu',
    platform: Platform.LINUX_AMD64,
  });
  return ecs.ContainerImage.fromRegistry(asset.imageUri);
}

function checkedUri(uri: string): string {
  if (!/^[a-z0-9][a-z0-9._-]*(:\d+)?(\/[a-z0-9][a-z0-9._-]*)*(:[\w][\w.-]{0,127}|@sha256:[0-9a-f]{64})$/.test(uri)) {
    throw new Error(
      `trainingImage is "${uri}", not an image with a tag or digest. Pass one such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1.`,
    );
  }
  return uri;
}
