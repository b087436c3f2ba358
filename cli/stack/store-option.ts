import type { Command } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { shellWord } from '#environment/shell-word.ts';
import { UserError } from '#errors/user-error.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { openTarget, type TargetName, targetOption } from './target.ts';

/** Which store a command reads: a target's bucket, or the one that is named. */
export interface StoreOptions {
  readonly target: TargetName;
  readonly store?: string;
}

/** Adds the options that name a store. */
export function withStoreOptions(command: Command): Command {
  return command
    .addOption(targetOption())
    .option('--store <store>', "a folder or s3://<bucket>, instead of the target's bucket");
}

/** The command that trains a first version into the store: as a job into a target's bucket, else in this process. */
export function firstTraining({ store, target }: StoreOptions): string {
  if (store !== undefined) return `./cifar10 train quick --out ${shellWord(store)}`;
  return `./cifar10 submit quick${target === 'local' ? '' : ` --target ${target}`}`;
}

/** @throws {UserError} the target has no bucket; the message says how to use the store of this clone */
export async function openStore({ store, target }: StoreOptions): Promise<ObjectStore> {
  if (store !== undefined) return openObjectStore(store);
  try {
    return await (await openTarget(target)).store();
  } catch (error) {
    if (!(error instanceof UserError) || target !== 'local') throw error;
    throw new UserError(`${error.message} For what was trained without a cloud, add --store ${defaultStore}.`);
  }
}
