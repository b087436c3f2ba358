import { Command } from 'commander';
import pc from 'picocolors';
import { userAtHost } from '#environment/user.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import { listAliases, planRollback, resolveVersion, rollback, type StoredAlias } from '#models/aliases.ts';
import { type Card, type Parent, parentName } from '#models/card.ts';
import { deleteVersion } from '#models/delete-version.ts';
import { describeAncestor, lineageOf } from '#models/lineage.ts';
import { percent } from '#models/percent.ts';
import { listVersions, readCard, readVersion } from '#models/versions.ts';
import { promoteVersion } from '../endpoint/promote.ts';
import { diffCommand } from '../models/diff.ts';
import { gcCommand } from '../models/gc.ts';
import { firstTraining, openStore, type StoreOptions, withStoreOptions } from '../stack/store-option.ts';
import { confirm } from '../terminal/confirm.ts';
import type { VerifyOptions } from '../verify/verify-version.ts';

interface Options extends StoreOptions {
  readonly json?: boolean;
}

interface MoveOptions extends Options {
  readonly alias: string;
  readonly reason?: string;
  readonly force?: boolean;
}

const help = `
The life of a version: "train" or "submit" stores it, and it becomes the candidate. Look at it (show), compare it with the one
that is served (diff; "./cifar10 compare" for a test of significance), check its bytes and its answers (verify), and let it be
served (promote), which the gate refuses to a worse one. Go back if it disappoints (rollback). What nothing refers to any more
can be deleted: one version by its id (delete), or all of them (gc).

Examples:
  ./cifar10 models list                                    versions on LocalStack, the newest first
  ./cifar10 models list --store .cifar10/store             versions in a folder
  ./cifar10 models show production                         the served version and its accuracy
  ./cifar10 models diff production candidate               what the last training changed
  ./cifar10 models verify candidate --everywhere           the same answers in Keras, ONNX, a browser, Lambda, …
  ./cifar10 models promote candidate                       serve the last trained version
  ./cifar10 models rollback --reason "mistakes every cat"  serve the version before
  ./cifar10 models delete 20261123-0412-a1b2c3d4           delete a version that no alias points to
  ./cifar10 models gc --keep 5 --dry-run                   what nothing refers to, but for the five newest`;

export function modelsCommand(): Command {
  const models = new Command('models')
    .description('List, show, compare, verify, promote, roll back and delete model versions.')
    .addHelpText('after', help);
  models.addCommand(
    onStore(new Command('list').description('List versions, the newest first, with their parents and aliases.')).action(
      list,
    ),
  );
  models.addCommand(
    onStore(new Command('show').description('Verify a version byte by byte and show its card.'))
      .argument('[version]', 'a version or an alias', 'production')
      .action(show),
  );
  models.addCommand(diffCommand());
  models.addCommand(
    onStore(new Command('verify').description('Check every byte of a version and its golden images.'))
      .argument('[version]', 'a version or an alias', 'production')
      .option('--everywhere', 'compare the answers of every runtime on this machine: Keras, ONNX Runtime, a browser, …')
      .option('--images <number>', 'pictures that the runtimes are asked about (default: 200)', atLeastOne)
      .action(verify),
  );
  models.addCommand(
    onStore(new Command('promote').description('Serve a version, if it passes the gate.'))
      .argument('[version]', 'a version or an alias', 'candidate')
      .option('--alias <name>', 'the alias to move', 'production')
      .option('--reason <text>', 'why; stored with the alias')
      .option(
        '--force',
        'promote although it is less accurate than the current version, or has other classes; needs --reason',
      )
      .action(promote),
  );
  models.addCommand(
    onStore(
      new Command('rollback').description(
        'Serve the version before, of those that passed the gate; again: the one before that.',
      ),
    )
      .option('--alias <name>', 'the alias to move', 'production')
      .option('--reason <text>', 'why; stored with the alias')
      .action(rollBack),
  );
  models.addCommand(
    onStore(new Command('delete').description('Delete a version for good. Its run stays.'))
      .argument('<version>', 'the id of a version that no alias points to')
      .option('-y, --yes', 'do not ask for confirmation, which only versions in AWS need')
      .action(remove),
  );
  models.addCommand(gcCommand());
  return models;
}

function onStore(command: Command): Command {
  return withStoreOptions(command).option('--json', 'print JSON');
}

async function list(options: Options): Promise<void> {
  const store = await openStore(options);
  const [versions, aliases] = [await listVersions(store), await listAliases(store)];
  const rows = await Promise.all(
    versions.map(async (version) => ({
      version,
      aliases: [...aliases].filter(([, alias]) => alias.version === version).map(([name]) => name),
      card: await readCard(store, version).catch(orMessage),
    })),
  );
  if (options.json) {
    printJson(
      rows.map(({ card, ...row }) =>
        typeof card === 'string'
          ? { ...row, damaged: card }
          : {
              ...{ ...row, createdAt: card.createdAt, recipe: card.recipe.name, seed: card.seed },
              ...(card.parent && { parent: card.parent }),
              accuracy: card.accuracy,
            },
      ),
    );
  } else if (rows.length === 0) {
    print(`${store.url} has no versions yet. Train one with "${firstTraining(options)}".`);
  } else {
    print(pc.dim(`${'version'.padEnd(24)} plain    with TTA  recipe    ${'parent'.padEnd(8)} aliases`));
    for (const { version, aliases: names, card } of rows) print(`${version} ${summary(card)} ${names.join(', ')}`);
  }
}

function summary(card: Card | string): string {
  if (typeof card === 'string') return pc.red(card);
  const { accuracy, recipe, parent } = card;
  const columns = `${percent(accuracy.plain)}  ${percent(accuracy.tta)}   ${recipe.name.padEnd(9)}`;
  return ` ${columns} ${(parent === undefined ? '' : shortName(parent)).padEnd(8)}`;
}

/** The digest that a version's id ends with, or the beginning of a file's name. */
function shortName(parent: Parent): string {
  return 'version' in parent ? parent.version.slice(-8) : parentName(parent).slice(0, 8);
}

async function show(name: string, options: Options): Promise<void> {
  const store = await openStore(options);
  const version = await readVersion(store, await resolveVersion(store, name));
  const aliases = [...(await listAliases(store))].filter(([, alias]) => alias.version === version.id);
  const { card, manifest } = version;
  const lineage = await lineageOf(store, card);
  if (options.json) {
    const moves = Object.fromEntries(aliases.map(([alias, { etag: _, ...move }]) => [alias, move]));
    printJson({
      version: version.id,
      aliases: moves,
      lineage: lineage.map(({ parent }) => parent),
      card,
      files: manifest.files,
    });
    return;
  }
  const bytes = manifest.files.reduce((sum, file) => sum + file.size, 0);
  const [low, high] = card.accuracy.interval95;
  const facts: [string, string][] = [
    ...aliases.map(([alias, move]): [string, string] => [alias, describeMove(move)]),
    ['accuracy', `${percent(card.accuracy.plain)} plain (95 %: ${percent(low)} to ${percent(high)})`],
    ['', `${percent(card.accuracy.tta)} with test-time augmentation, on ${card.accuracy.images} test images`],
    ...(card.calibration ? [calibrationFact(card.calibration)] : []),
    ...card.classes.map((label): [string, string] => ['', `${percent(card.accuracy.perClass[label] ?? 0)} ${label}`]),
    ['recipe', `${card.recipe.name}, seed ${card.seed}, ${card.epochs} epochs, ${card.parameters} parameters`],
    ...lineage.map((step, index): [string, string] => [index === 0 ? 'began with' : '', describeAncestor(step)]),
    ['training', `${card.trainingSeconds.toFixed(1)} s of ${card.wallSeconds.toFixed(1)} s, ${card.engine}`],
    ['machine', `${card.host.gpu ?? card.host.cpu}, ${card.host.cores} cores`],
    ['run', card.run],
    ['source', card.commit ?? 'not a git checkout'],
    ['made at', card.createdAt],
    ['files', `${manifest.files.length}, ${(bytes / 1e6).toFixed(2)} MB, every byte verified`],
  ];
  print(pc.bold(version.id));
  for (const [label, fact] of facts) print(`${pc.dim(label.padEnd(10))} ${fact}`);
}

async function verify(name: string, { everywhere, images, ...options }: Options & VerifyOptions): Promise<void> {
  if (images !== undefined && !everywhere) throw new UsageError('--images is about --everywhere. Give both.');
  const store = await openStore(options);
  const { verifyVersion } = await import('../verify/verify-version.ts'); // Loads the engine.
  const version = await resolveVersion(store, name);
  const asked = { ...options, ...(everywhere && { everywhere }), ...(images !== undefined && { images }) };
  if (!(await verifyVersion(store, version, asked))) process.exitCode = 1;
}

function atLeastOne(text: string): number {
  if (!/^[1-9]\d*$/.test(text))
    throw new UsageError(`--images is ${JSON.stringify(text)}. Give a whole number from 1.`);
  return Number(text);
}

function calibrationFact({ before, after }: NonNullable<Card['calibration']>): [string, string] {
  return ['', `${percent(after)} calibration error (${percent(before)} without the temperature)`];
}

async function promote(name: string, { alias, reason, force, ...options }: MoveOptions): Promise<void> {
  const store = await openStore(options);
  const version = await resolveVersion(store, name);
  printMove(
    alias,
    await promoteVersion(store, { version, by: userAtHost(), alias, reason, force: force ?? false }),
    options,
  );
}

async function rollBack({ alias, reason, ...options }: MoveOptions): Promise<void> {
  const store = await openStore(options);
  const plan = await planRollback(store, alias);
  const { from, to, passed } = plan;
  for (const { version, why } of passed) process.stderr.write(`${version} is passed over: ${why}.\n`);
  const { accuracy } = await readCard(store, to.version);
  const promoted = to.at === undefined ? '' : `, promoted ${to.at} by ${to.by}`;
  process.stderr.write(
    `${alias} goes from ${from.version} back to ${to.version}: ${percent(accuracy.plain)} plain${promoted}.\n`,
  );
  printMove(alias, await rollback(store, alias, { by: userAtHost(), reason, plan }), options);
}

async function remove(
  version: string,
  { yes = false, ...options }: Options & { readonly yes?: boolean },
): Promise<void> {
  const store = await openStore(options);
  const isOnThisMachine = options.store === undefined ? options.target === 'local' : !options.store.includes('://');
  const question = `This deletes ${version} from ${store.url}. This cannot be undone.`;
  if (!yes && !isOnThisMachine && !(await confirm(question))) {
    process.stderr.write('Nothing was changed.\n');
    return;
  }
  const objects = await deleteVersion(store, version);
  if (options.json) printJson({ deleted: version, objects });
  else print(`${version} is deleted, ${objects} objects.`);
}

function printMove(name: string, { etag: _, ...alias }: StoredAlias, { json }: Pick<Options, 'json'>): void {
  if (json) printJson({ alias: name, ...alias });
  else print(`${pc.bold(name)} is ${alias.version}, ${describeMove(alias)}`);
}

function describeMove({ previous, by, at, reason }: Omit<StoredAlias, 'etag'>): string {
  const before = previous === null ? '' : `, before: ${previous}`;
  return `since ${at} by ${by}${before}${reason === null ? '' : ` (${reason})`}`;
}

/** A version that cannot be read is listed with the reason. */
function orMessage(error: unknown): string {
  if (error instanceof UserError) return error.message;
  throw error;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}
