import { shellWord } from '#environment/shell-word.ts';
import type { Target } from '../stack/target.ts';
import { type Job, suffixOf } from './batch-jobs.ts';

/** The command line that submits a job's run again, with the same arguments: a run that did not finish resumes. */
export function submitCommand(
  { command, run, device }: Pick<Job, 'command' | 'run' | 'device'>,
  target: Pick<Target, 'name'>,
): string {
  const [, ...words] = command;
  const named = words.includes('--run') ? words : [...words, '--run', run];
  const on = device === 'cpu' ? ' --on cpu' : '';
  return `./cifar10 submit ${named.map(shellWord).join(' ')}${on}${suffixOf(target)}`;
}
