import path from 'node:path';
import { home } from '#environment/home.ts';
import { variable } from '#environment/variables.ts';
import { neutralEnvironment } from './environment.ts';

/** The training image's name where nothing builds one: the value of the context `trainingImage` for this machine. */
export const trainingImage = 'cifar10-training:local';

/** What stands for a container image on this machine; read by `plugin/cifar10_local/batch/command.py`. */
export interface LocalImage {
  /** Where the command runs. */
  readonly folder: string;
  readonly entrypoint: readonly string[];
  /** Used where a job has none. @default none */
  readonly command?: readonly string[];
  /** @default none */
  readonly environment?: NodeJS.ProcessEnv;
}

/** Image name, or a pattern with `*` → what to run. */
export type LocalImages = Readonly<Record<string, LocalImage>>;

/** The training image runs the program that it would contain, from this clone. */
export function localImages(): LocalImages {
  return {
    [trainingImage]: {
      folder: path.resolve(import.meta.dirname, '..'),
      entrypoint: [process.execPath, '--import', 'tsx', 'training/main.ts'],
      environment: { ...neutralEnvironment(), [variable.home]: home }, // Where a job spools its checkpoints.
    },
  };
}
