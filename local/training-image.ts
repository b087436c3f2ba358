import path from 'node:path';
import { home } from '#environment/home.ts';
import { variable } from '#environment/variables.ts';
import { jobEnvironment } from './environment.ts';

/** The training image's name on this machine, where no image is built: the value of the context `trainingImage`. */
export const trainingImage = 'cifar10-training:local';

/** The local replacement of a container image; `plugin/cifar10_local/batch/command.py` reads it. */
export interface LocalImage {
  /** The working directory of the command. */
  readonly folder: string;
  readonly entrypoint: readonly string[];
  /** The command of jobs that have none. @default none */
  readonly command?: readonly string[];
  /** What `ENV` sets in the image. @default none */
  readonly environment?: NodeJS.ProcessEnv;
  /** Variables that a process of this machine needs other values of than the job's definition gives. @default none */
  readonly overrides?: NodeJS.ProcessEnv;
}

/** Local images by image name, or by a pattern with `*`. */
export type LocalImages = Readonly<Record<string, LocalImage>>;

/** The training image, which runs this clone's training program. */
export function localImages(): LocalImages {
  return {
    [trainingImage]: {
      folder: path.resolve(import.meta.dirname, '..'),
      entrypoint: [process.execPath, '--import', './setup/typescript.mjs', 'jobs/main.ts'],
      environment: { ...jobEnvironment(), [variable.home]: home }, // jobs spool their checkpoints there
      // A job of the GPU queue would fail because there is no GPU.
      overrides: { [variable.device]: 'cpu' },
    },
  };
}
