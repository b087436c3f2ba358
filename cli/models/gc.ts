import { Command } from 'commander';
import pc from 'picocolors';
import { UsageError } from '#errors/user-error.ts';
import { type Deleted, deleteGarbage } from '#models/garbage/delete-garbage.ts';
import { findGarbage, type Garbage } from '#models/garbage/find-garbage.ts';
import { percent } from '#models/percent.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { wholeNumber } from '#training/commands/option-parsers.ts';
import { openStore, type StoreOptions, withStoreOptions } from '../stack/store-option.ts';
import { confirm } from '../terminal/confirm.ts';
import { table } from '../terminal/table.ts';

interface Options extends StoreOptions {
  readonly keep?: number;
  readonly olderThan?: Date;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const help = `
A version stays if
  an alias points to it, or did: a rollback must be able to return to it;
  a run that has not finished begins with it or has published it, or a plan that is not done names it
  (a run that never will: delete its folder runs/<run>/ from the store);
  a sweep has published it;
  a version that stays began with it.
Checkpoints of finished runs are deleted, too: such a run never resumes. Runs, reports and plans stay. Somebody who promotes a
version meanwhile, or begins a run with it, wins: the version stays.

Examples:
  ./cifar10 models gc --dry-run              what would be deleted, and why the others stay
  ./cifar10 models gc --keep 5               the five newest versions stay, too
  ./cifar10 models gc --older-than 30d       versions of the last thirty days stay, too
  ./cifar10 models gc --target aws --yes     without a question, for a scheduled task`;

export function gcCommand(): Command {
  return withStoreOptions(new Command('gc').description('Delete the versions that nothing refers to.'))
    .option('--keep <n>', 'the newest versions that stay although nothing refers to them', wholeNumber)
    .option('--older-than <time>', 'delete only older versions: 30m, 12h, 30d, 8w', timeBefore)
    .option('--dry-run', 'show what would be deleted, and delete nothing')
    .option('-y, --yes', 'do not ask for confirmation')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(collect);
}

async function collect({ keep, olderThan, dryRun = false, yes = false, json, ...options }: Options): Promise<void> {
  const store = await openStore(options);
  const garbage = await findGarbage(store, { ...(keep !== undefined && { keep }), olderThan });
  const isNothing = garbage.versions.length === 0 && garbage.checkpoints.length === 0;
  if (!json) print(describe(garbage, store));
  if (
    !(dryRun || isNothing || yes || (await confirm(`This deletes ${summaryOf(garbage)} from ${store.url} for good.`)))
  ) {
    process.stderr.write('Nothing was changed.\n');
    return;
  }
  const deleted = dryRun || isNothing ? undefined : await deleteGarbage(store, garbage);
  if (json) print(JSON.stringify(asJson(garbage, deleted), undefined, 2));
  else if (deleted) print(describeDeleted(deleted));
}

/** Such as `3 versions and the checkpoints of 2 runs, 12.30 MB`. */
function summaryOf({ versions, checkpoints }: Pick<Garbage, 'versions' | 'checkpoints'>): string {
  const bytes = [...versions, ...checkpoints].reduce((sum, each) => sum + each.bytes, 0);
  const parts = [
    ...(versions.length > 0 ? [counted(versions.length, 'version')] : []),
    ...(checkpoints.length > 0 ? [`the checkpoints of ${counted(checkpoints.length, 'finished run')}`] : []),
  ];
  return `${parts.join(' and ')}, ${megabytes(bytes)}`;
}

function describe({ versions, checkpoints, kept }: Garbage, store: ObjectStore): string {
  const isNothing = versions.length === 0 && checkpoints.length === 0;
  const lines = [
    pc.bold(
      isNothing ? `There is nothing to delete in ${store.url}.` : `To delete: ${summaryOf({ versions, checkpoints })}`,
    ),
  ];
  const unused = versions.map(({ version, bytes, card }) => [
    ...[version, megabytes(bytes), card ? percent(card.accuracy.plain) : ''],
    card ? `${card.name}, ${card.recipe.name}, seed ${card.seed}` : 'the rest of an interrupted deletion',
  ]);
  if (unused.length > 0) lines.push(...table([['version', 'size', 'plain', 'model'], ...unused]));
  const runs = checkpoints.map(({ run, bytes }) => [run, megabytes(bytes)]);
  if (runs.length > 0) lines.push(...table([['finished run', 'checkpoints'], ...runs]));
  if (kept.length > 0) {
    lines.push('', pc.bold(counted(kept.length, 'version stays', 'versions stay')));
    const rows = kept.map(({ version, bytes, why }) => [version, megabytes(bytes), why.join('; ')]);
    lines.push(...table([['version', 'size', 'why'], ...rows]));
  }
  return lines.join('\n');
}

function describeDeleted({ versions, spared, runs, bytes }: Deleted): string {
  return [
    `${counted(versions.length, 'version')} deleted, and the checkpoints of ${counted(runs.length, 'run')}: ${megabytes(bytes)} are free.`,
    ...spared.map(({ version, why }) => `${version} stays: ${why}`),
  ].join('\n');
}

function asJson({ versions, checkpoints, kept }: Garbage, deleted: Deleted | undefined) {
  const sized = ({ version, bytes }: { readonly version: string; readonly bytes: number }) => ({ version, bytes });
  return {
    isDryRun: deleted === undefined,
    versions: (deleted?.versions ?? versions).map(sized),
    checkpoints: checkpoints.map(({ run, bytes }) => ({ run, bytes })),
    kept: kept.map(({ why, ...each }) => ({ ...sized(each), why })),
    spared: deleted?.spared ?? [],
  };
}

/** @throws {UsageError} the text is no length of time */
function timeBefore(text: string): Date {
  const [, count, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) {
    throw new UsageError(
      `--older-than is ${JSON.stringify(text)}. Give minutes, hours, days or weeks, such as 30m, 12h, 30d or 8w.`,
    );
  }
  const minutes = { m: 1, h: 60, d: 1440, w: 10_080 }[unit]!;
  return new Date(Date.now() - Number(count) * minutes * 60_000);
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
