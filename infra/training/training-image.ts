import { fileURLToPath } from 'node:url';
import { DefaultStackSynthesizer, type IStackSynthesizer } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';

const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

/** The image of each queue: the construct, the file that it is built from, and the context that names another image. */
const images = {
  gpu: { id: 'TrainingImage', file: 'training/Dockerfile', context: 'trainingImage' },
  cpu: { id: 'CpuTrainingImage', file: 'training/Dockerfile.cpu', context: 'cpuTrainingImage' },
} as const;

/**
 * For stacks with these images: tags begin with `cifar10-` in the repository that all stacks of an account share, so that a
 * lifecycle rule (`image-lifecycle.json`) can name our images, and no other stack's.
 */
export function imageSynthesizer(): IStackSynthesizer {
  return new DefaultStackSynthesizer({ dockerTagPrefix: 'cifar10-' }) as IStackSynthesizer;
}

/**
 * The image that the jobs of a queue run: from a registry, or built from a Dockerfile on deployment.
 *
 * An image's hash covers what `.dockerignore` lets in, and of the Dockerfiles its own.
 *
 * @param props.registryUri such as `123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1` @default built from the repository
 * @param props.device what the image trains on
 * @param props.directory root of the repository @default this one
 */
export function trainingImage(
  scope: Construct,
  {
    registryUri,
    device,
    directory = repositoryRoot,
  }: {
    readonly registryUri?: string | undefined;
    readonly device: keyof typeof images;
    readonly directory?: string;
  },
): ecs.ContainerImage {
  const { id, file, context } = images[device];
  if (registryUri !== undefined) return ecs.ContainerImage.fromRegistry(checkedUri(registryUri, context));
  const asset = new DockerImageAsset(scope, id, {
    directory,
    file,
    exclude: Object.values(images)
      .map((image) => image.file)
      .filter((other) => other !== file),
    platform: Platform.LINUX_AMD64,
  });
  return ecs.ContainerImage.fromRegistry(asset.imageUri);
}

function checkedUri(uri: string, context: string): string {
  if (!/^[a-z0-9][a-z0-9._-]*(:\d+)?(\/[a-z0-9][a-z0-9._-]*)*(:[\w][\w.-]{0,127}|@sha256:[0-9a-f]{64})$/.test(uri)) {
    throw new Error(
      `${context} is "${uri}", not an image with a tag or digest. Pass one such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1.`,
    );
  }
  return uri;
}
