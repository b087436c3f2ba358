import { shellWord } from '#environment/shell-word.ts';
import { jobId, placeOf } from './place.ts';

/** The run's options as they were typed; those that were not are absent. */
interface RunOptions {
  readonly recipe?: string | undefined;
  readonly set: readonly string[];
  readonly seed: number;
  readonly data?: string | undefined;
  readonly onBad?: string | undefined;
  readonly from?: string | undefined;
  readonly out: string;
  readonly run: string;
}

/**
 * What a person types to resume a run of this process. A job is submitted again: a person's shell has none of its environment,
 * and "train" there would address another cloud.
 */
export function resumeCommand({ recipe, set, seed, data, onBad, from, out, run }: RunOptions): string {
  const isJob = jobId() !== undefined;
  const words = [
    ...['./cifar10', isJob ? 'submit' : 'train', ...(recipe === undefined ? [] : [recipe])],
    ...(data === undefined || data === 'cifar10' ? [] : ['--data', data]),
    ...(onBad === undefined ? [] : ['--on-bad', onBad]),
    ...(from === undefined ? [] : ['--from', from]),
    ...set.flatMap((change) => ['--set', change]),
    ...(isJob && seed === 1 ? [] : ['--seed', String(seed)]),
    ...(isJob ? [] : ['--out', out]),
    ...['--run', run],
  ];
  return `${words.map(shellWord).join(' ')}${isJob ? placeOf(out).options : ''}`;
}
