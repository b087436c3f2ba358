import { UsageError } from '#errors/user-error.ts';
import type { Target } from '../stack/target.ts';
import { hasEnded, type Job, suffixOf } from './batch-jobs.ts';
import type { TrainingJob } from './submit-job.ts';

/**
 * What submits the run of a job that failed again, with the same arguments: it resumes at its last checkpoint.
 *
 * @throws {UsageError} the job has not ended, has succeeded, or is no training
 */
export function retriedTraining(target: Pick<Target, 'name'>, job: Job): TrainingJob {
  const show = `"./cifar10 jobs ${job.run}${suffixOf(target)}"`;
  if (!hasEnded(job)) {
    throw new UsageError(
      `The job of run ${job.run} has not ended, so there is nothing to retry. Look at it with ${show}.`,
    );
  }
  if (job.status === 'SUCCEEDED') {
    throw new UsageError(
      `The job of run ${job.run} has succeeded, so there is nothing to retry. Look at it with ${show}.`,
    );
  }
  if (job.command[0] !== 'train') {
    throw new UsageError(`The job ${job.id} runs "${job.command.join(' ')}". Only training jobs can be retried.`);
  }
  return { ...trainingOf(job.command), run: job.run, on: job.device };
}

/** What arguments of the training program ask for, besides the run. */
function trainingOf([, ...words]: readonly string[]): Omit<TrainingJob, 'run' | 'on'> {
  const training: { -readonly [Key in keyof TrainingJob]: TrainingJob[Key] } = {};
  const set: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const [word = '', value = ''] = [words[at], words[at + 1]];
    if (!word.startsWith('--')) {
      training.recipe = word;
      continue;
    }
    at++;
    if (word === '--set') set.push(value);
    else if (word === '--seed') training.seed = Number(value);
    else if (word === '--data') training.data = value;
    else if (word === '--from') training.from = value;
    else if (word !== '--run') throw new UsageError(`The job was started with ${word}, which "submit" does not have.`);
  }
  return { ...training, ...(set.length > 0 && { set }) };
}
