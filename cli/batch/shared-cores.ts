import { availableParallelism } from 'node:os';
import type { Target } from '../stack/target.ts';

/** Says that jobs on this machine slow each other down; `undefined` where no two of them run at the same time. */
export function sharedCores({ name }: Pick<Target, 'name'>, running: number): string | undefined {
  if (name !== 'local' || running < 2) return undefined;
  const cores = availableParallelism();
  return `${running} jobs share the ${cores} cores of this machine: each takes longer than it would alone.`;
}
