import * as z from 'zod/mini';
import { UsageError } from '#errors/user-error.ts';
import { checked, readJson, writeJson } from './json.ts';
import { runKey } from './runs.ts';
import { type ObjectStore, WriteConflict } from './stores/object-store.ts';
import { whileUsing } from './version-uses.ts';

/** A training job as it was submitted to a queue: `submission.json` of its run. */
export const Submission = z.object({
  at: z.iso.datetime(),
  by: z.string(),
  /** The arguments of the training program, such as `['train', 'quick', '--run', '…']`. */
  command: z.array(z.string()),
});
export type Submission = z.infer<typeof Submission>;

/** What the command begins with, as it was given: a version, or something else. */
export function parentIn({ command }: Pick<Submission, 'command'>): string | undefined {
  const at = command.indexOf('--from');
  return at === -1 ? undefined : command[at + 1];
}

/**
 * @throws {UsageError} a run of this name was submitted before
 * @throws {UnknownVersion} the version that it begins with was deleted
 */
export async function createSubmission(store: ObjectStore, run: string, submission: Submission): Promise<void> {
  const key = runKey(run, 'submission.json');
  try {
    await whileUsing(store, [parentIn(submission)], submission.by, () =>
      writeJson(store, key, checked(Submission, submission, key), 'absent'),
    );
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    throw new UsageError(
      `The run ${run} was submitted before. Take another name, or look at it with "${`./cifar10 jobs ${run} ${store.commandOption}`.trimEnd()}".`,
      {
        cause: error,
      },
    );
  }
}

export async function readSubmission(store: ObjectStore, run: string): Promise<Submission | undefined> {
  return readJson(store, runKey(run, 'submission.json'), Submission);
}

/** Ids of the runs that were submitted to a queue, in the order of their names, which begin with the time. */
export async function listSubmittedRuns(store: ObjectStore): Promise<string[]> {
  const runs: string[] = [];
  for await (const { key } of store.list('runs/')) {
    const [, run = '', ...path] = key.split('/');
    if (path.join('/') === 'submission.json') runs.push(run);
  }
  return runs;
}
