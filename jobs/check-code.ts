import { join } from 'node:path';
import { UsageError } from '#errors/user-error.ts';
import type { Plan } from '#models/plans/plan.ts';
import { listSubmissions, readSubmission } from '#models/plans/submissions.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { sourcesDigest } from './sources.mjs';

/** Set where the program is a bundle: the digest of the sources that it was made of. */
declare const BUNDLED_SOURCES: string | undefined;

/** A plan was made by other code: results of two programs are not mixed. */
class OtherCode extends UsageError {
  override readonly name = 'OtherCode';
}

/** The digest of this program's sources: the `code` of the plans that it makes and does. */
export function code(): string {
  return typeof BUNDLED_SOURCES === 'undefined' ? sourcesDigest(join(import.meta.dirname, '..')) : BUNDLED_SOURCES;
}

/** @throws {OtherCode} the plan was made by other sources than this program's; the message says what to do */
export async function checkCode(store: ObjectStore, id: string, plan: Plan): Promise<void> {
  const ours = code();
  if (plan.code === ours) return;
  const [first] = await listSubmissions(store, id);
  const commit = first === undefined ? null : (await readSubmission(store, id, first)).commit;
  throw new OtherCode(
    `The plan ${id} was made by other sources (${plan.code.slice(0, 8)}) than this program's (${ours.slice(0, 8)}). ${remedy(id, commit)} ` +
      'Or give the command that made the plan again: with this program it is another plan.',
  );
}

function remedy(id: string, commit: string | null): string {
  const retry = `"./cifar10 jobs ${id} --retry"`;
  if (commit === null) return `Run ${retry} with the program that made it; on AWS, deploy that program first.`;
  const [, hash = commit, dirty] = /^([0-9a-f]+)(-dirty)?$/.exec(commit) ?? [];
  const changes = dirty === undefined ? '' : ' and the changes that were not committed';
  return `Run "git checkout ${hash}"${changes && `, restore${changes}`}, then ${retry}; on AWS, run "./cifar10 deploy" in between.`;
}
