import { spawnSync } from 'node:child_process';
import { UserError } from '#errors/user-error.ts';
import type { DeploySettings } from './deploy-options.ts';
import type { Target } from './target.ts';

/**
 * @returns which images a deployment builds
 * @throws {UserError} an image must be built, and Docker does not run
 */
export function checkDocker(target: Target, { trainingImage, cpuTrainingImage }: DeploySettings): string {
  const built = [
    ...(trainingImage === undefined ? ['--training-image'] : []),
    ...(cpuTrainingImage === undefined ? ['--cpu-training-image'] : []),
  ];
  if (built.length === 0) return 'no image is to be built';
  const docker = target.environment.CDK_DOCKER ?? 'docker';
  if (spawnSync(docker, ['version'], { env: target.environment }).status === 0) return `"${docker}" runs`;
  const [what, images] = built.length === 1 ? ['a training image', 'an image'] : ['the training images', 'images'];
  throw new UserError(
    `Docker builds ${what}, and "${docker} version" fails on this machine. Start Docker, or give ${images} in a registry with ${built.join(' and ')}.`,
  );
}
