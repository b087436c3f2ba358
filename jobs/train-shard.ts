import { UserError } from '#errors/user-error.ts';
import { prepareDevice } from '#training/commands/train-device.ts';
import { trainHere } from '#training/commands/train-here.ts';
import type { ShardContext } from './shard-context.ts';

/** Trains a run of a sweep, or resumes it: the run is `<plan>.<shard>`. */
export async function runShard({ store, planId, item, signal }: ShardContext<'sweep'>): Promise<unknown> {
  const { recipe, set, seed, data, from, shard } = item;
  const run = `${planId}.${shard}`;
  await prepareDevice(signal);
  const outcome = await trainHere(
    { recipe, set, seed, data, from, out: store.url, run },
    { signal, stream: process.stdout },
  );
  if (outcome.status === 'finished') return { run, ...outcome.result };
  if (signal.aborted) throw signal.reason;
  throw new UserError(`The run ${run} was interrupted at step ${outcome.step}.`);
}
