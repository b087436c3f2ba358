import type { Command } from 'commander';
import { defaultStore } from '#environment/home.ts';
import { shellWord } from '#environment/shell-word.ts';
import { UserError } from '#errors/user-error.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { openTarget, stageOption, suffixOf, type TargetOptions, targetOption } from './target.ts';

/** Which store a command reads: a target's bucket, or the one that is named. */
export interface StoreOptions extends TargetOptions {
  readonly store?: string;
}

/** Adds the options that name a store. */
export function withStoreOptions(command: Command): Command {
  return command
    .addOption(targetOption())
    .addOption(stageOption())
    .option('--store <store>', "a folder or s3://<bucket>, instead of the target's bucket");
}

/** The command that trains a first version into the store: as a job into a target's bucket, else in this process. */
export function firstTraining({ store, target, stage }: StoreOptions): string {
  if (store !== undefined) return `./cifar10 train quick --out ${shellWord(store)}`;
  return `./cifar10 submit quick${suffixOf({ name: target, stage })}`;
}

/** @throws {UserError} the target has no bucket; the message says how to use the store of this clone */
export async function openStore({ store, ...options }: StoreOptions): Promise<ObjectStore> {
  if (store !== undefined) return openObjectStore(store);
  try {
    return await (await openTarget(options)).store();
  } catch (error) {
    if (!(error instanceof UserError) || options.target !== 'local') throw error;
    throw new UserError(`${error.message} For what was trained without a cloud, add --store ${defaultStore}.`);
  }
}
