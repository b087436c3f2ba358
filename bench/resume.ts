import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError, UserError } from '#errors/user-error.ts';
import { damagesOf } from '#models/damage.ts';
import { sha256Of } from '#models/manifest.ts';
import { readCheckpoint } from '#models/run-checkpoints.ts';
import { readEvents } from '#models/run-events.ts';
import { readResult, runKey } from '#models/runs.ts';
import { encodeSafetensors } from '#models/safetensors.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { listVersions, readVersion } from '#models/versions.ts';
import { loadCifar10 } from '#training/datasets/cifar10/cifar10.ts';
import { type Blow, endedAt, type Moment, type TrainingRun } from '#training/engine/moment.fixture.ts';
import { type Random, random } from '#training/random/random.ts';
import { batchPreparations } from '#training/recipe/batch-preparation.ts';
import { openCheckpoints } from '#training/run/checkpoint.ts';
import { type Ended, trainingProcess } from '#training/run/training-process.fixture.ts';
import { writeResults } from './results.ts';

interface Options {
  /** Number of processes to kill. */
  readonly kills: number;
  /** Seed of the random moments. */
  readonly seed: number;
}

/**
 * Small nets with a checkpoint after each of 59 steps; together they use everything that a checkpoint stores. By so few held-out
 * images nobody can tell what was learned, so each run is published.
 */
const recipes = [
  ['tiny', 'engine=tensorflow', 'optimizer=adamw', 'learningRate=0.002', 'lookahead=5'],
  ['seed', 'flip=random', 'translate=1'],
  ['quick', 'widths=8,8,8', 'whiteningBiasEpochs=1', 'optimizer=muon'],
].map(([name = '', ...settings]) => ({
  name,
  settings: [...settings, 'batchSize=128', 'heldOut=16', 'epochs=0.15', 'checkpointSeconds=0'],
}));

/** Signals with their probability in percent, and how to draw the moment. */
const blows: readonly (readonly [number, Blow, (draw: Random) => Moment])[] = [
  [30, 'SIGKILL', (draw) => ({ when: 'a step is done', steps: 1 + draw.integer(8) })],
  [20, 'SIGTERM', (draw) => ({ when: 'a step is done', steps: 1 + draw.integer(8) })],
  [6, 'SIGINT', (draw) => ({ when: 'a step is done', steps: 1 + draw.integer(8) })],
  [6, 'SIGINT twice', (draw) => ({ when: 'a step is done', steps: 1 + draw.integer(8) })],
  [8, 'SIGKILL', (draw) => ({ when: 'time has passed', delay: draw.integer(8_000) })],
  [4, 'SIGTERM', (draw) => ({ when: 'time has passed', delay: draw.integer(8_000) })],
  [16, 'SIGKILL', (draw) => ({ when: 'a checkpoint is written', steps: draw.integer(6), delay: draw.integer(12) })],
  [3, 'SIGKILL', (draw) => ({ when: 'the test images are evaluated', delay: draw.integer(3_000) })],
  [2, 'SIGTERM', (draw) => ({ when: 'the test images are evaluated', delay: draw.integer(3_000) })],
  [5, 'SIGKILL', (draw) => ({ when: 'the version is published', delay: draw.integer(100) })],
];

/** Share of the kills after which a file of the last checkpoint is also damaged. */
const DAMAGE_SHARE = 0.15;

/** The counts that are printed and written to the results. */
interface Counts {
  runs: number;
  /** Kills, by signal and moment. */
  readonly ended: Record<string, number>;
  /** Kills, by batch preparation: each attempt draws its own. */
  readonly prepared: Record<string, number>;
  /** Leftovers of the killed processes, by kind. */
  readonly left: Record<string, number>;
  /** Checkpoint files damaged between two attempts, by kind of damage. */
  readonly torn: Record<string, number>;
}

/**
 * Kills training processes at random moments, resumes each run until it is done, and compares it with an uninterrupted run:
 * weights, optimizer state, history and accuracies must be bit-identical, and there must be exactly one version. Each attempt
 * draws its batch preparation. Two runs at a time, so that each puts load on the other. Prints counts, and writes
 * `results/<date>-resume.json`.
 *
 * @throws {UserError} a run gave another result; the message names the stores of both runs
 * @throws {UsageError} `kills` is not a positive whole number
 */
export async function benchmarkResuming({ kills, seed }: Options): Promise<void> {
  if (!Number.isInteger(kills) || kills < 1)
    throw new UsageError(`--kills must be a whole number of at least 1, not ${kills}.`);
  await loadCifar10({ log }); // The training processes below then find it in the cache.
  const folder = await mkdtemp(join(tmpdir(), 'bench-resume-'));
  const began = performance.now();
  const counts: Counts = { runs: 0, ended: {}, prepared: {}, left: {}, torn: {} };
  const references = new Map<string, Promise<string>>();
  const hunter = async (first: number) => {
    for (let number = first; total(counts.ended) < kills; number += 2) {
      const { name, settings } = recipes[Math.floor(number / 2) % recipes.length]!;
      if (!references.has(name)) references.set(name, runUninterrupted(join(folder, name), name, settings));
      const expected = await references.get(name)!;
      const hunted = runIn(join(folder, `${number}`), name, settings);
      await hunt(hunted, random(seed, number), counts, () => total(counts.ended) < kills);
      const found = await outcomeOf(hunted);
      if (found !== expected) {
        throw new UserError(
          `The run in ${hunted.store} differs from the uninterrupted one in ${join(folder, name)}:\n${found}\n${expected}`,
        );
      }
      counts.runs++;
    }
  };
  await Promise.all([hunter(0), hunter(1)]);
  await rm(folder, { recursive: true });
  await report(counts, { kills, seed, seconds: (performance.now() - began) / 1000 });
}

function runIn(store: string, recipe: string, settings: readonly string[]): TrainingRun {
  const run = 'hunted';
  const words = ['train', recipe, ...settings.flatMap((setting) => ['--set', setting]), '--out', store, '--run', run];
  return { words, store, run };
}

async function runUninterrupted(store: string, recipe: string, settings: readonly string[]): Promise<string> {
  const reference = runIn(store, recipe, settings);
  const { code, errors } = await trainingProcess(reference.words);
  if (code !== 0) throw new UserError(`${reference.words.join(' ')} ended with ${code}: ${errors}`);
  log(`uninterrupted: ${recipe}`);
  return await outcomeOf(reference);
}

/** Kills and resumes the run until it is done. Once `shouldContinue` returns false, lets it finish. */
async function hunt(hunted: TrainingRun, draw: Random, counts: Counts, shouldContinue: () => boolean): Promise<void> {
  let damagedKey: string | undefined;
  for (;;) {
    const [blow, moment] = shouldContinue() ? drawBlow(draw) : (['SIGKILL', never] as const);
    const preparation = batchPreparations[draw.integer(batchPreparations.length)]!;
    const words = [...hunted.words, '--set', `batchPreparation=${preparation}`];
    const ended = await endedAt(moment, blow, { ...hunted, words });
    const started = ended.events.find((event) => event.type === 'started');
    if (started) {
      if (damagedKey && !started.damaged?.includes(damagedKey))
        throw new UserError(`${hunted.store}: the damage of ${damagedKey} was not detected.`);
      damagedKey = undefined;
    }
    if (ended.code === 0) return;
    checkEnd(blow, ended, hunted);
    add(counts.ended, `${blow}, ${moment.when}`);
    add(counts.prepared, preparation);
    await checkStore(hunted, counts.left, damagedKey);
    if (damagedKey === undefined && draw.uniform() < DAMAGE_SHARE)
      damagedKey = await damageCheckpoint(hunted, draw, counts.torn);
    const at = started ? `, from step ${started.fromStep}` : ', before its start';
    log(`${total(counts.ended)}: ${blow} when ${moment.when}${at}`);
  }
}

const never: Moment = { when: 'a step is done', steps: Number.POSITIVE_INFINITY };

function drawBlow(draw: Random): [Blow, Moment] {
  const hundred = blows.flatMap((each) => new Array<typeof each>(each[0]).fill(each));
  const [, blow, momentOf] = hundred[draw.integer(hundred.length)]!;
  return [blow, momentOf(draw)];
}

/** Checks that a process ended as documented for its signal. @throws {UserError} it did not */
function checkEnd(blow: Blow, { code, signal, events, errors }: Ended, { store }: TrainingRun): void {
  const name = blow === 'SIGINT twice' ? 'SIGINT' : blow;
  if (signal === name) return; // SIGKILL, or another signal before the program handles it.
  const isGraceful = code === { SIGKILL: undefined, SIGTERM: 75, SIGINT: 130 }[name];
  const last = events.at(-1);
  const isReported = last?.type === 'interrupted' || events.length === 0 || blow === 'SIGINT twice';
  if (!isGraceful || !isReported) throw new UserError(`${store}: ${blow} ended it with ${code ?? signal}: ${errors}`);
}

/** Counts what a killed process left behind. @throws {UserError} the kill damaged the store */
async function checkStore(
  { store: folder, run }: TrainingRun,
  left: Record<string, number>,
  damagedKey: string | undefined,
): Promise<void> {
  const store = folderStore(folder);
  const found = await readCheckpoint(store, run);
  const isAcceptable = found === undefined || found.damaged.length === 0 || damagedKey !== undefined;
  if (!isAcceptable && !found.damaged.includes(runKey(run, 'checkpoint.json'))) {
    throw new UserError(`${folder}: ${found.damaged.join(', ')} was damaged by killing the process.`);
  }
  for (const version of await listVersions(store)) await readVersion(store, version);
  await readEvents(store, run);

  const names = await readdir(join(folder, 'runs', run), { recursive: true }).catch(() => []);
  const drafts = names.filter((name) => name.endsWith('.draft'));
  const newest = names
    .filter((name) => name.endsWith('.safetensors'))
    .sort()
    .at(-1);
  if (drafts.some((name) => name.startsWith('checkpoints/'))) add(left, 'a checkpoint half written');
  if (drafts.some((name) => name.startsWith('.checkpoint.json'))) add(left, 'a pointer half written');
  if (newest !== undefined && newest !== found?.path) add(left, 'a checkpoint that nothing points to');
  if ((await listVersions(store)).length > 0) add(left, 'a version without the result of its run');
  else if ((await readdir(join(folder, 'models')).catch(() => [])).length > 0) add(left, 'a version half published');
}

/** Damages the last checkpoint. @returns the damaged key; `undefined` if no damage is possible without loss of the run */
async function damageCheckpoint(
  { store: folder, run }: TrainingRun,
  draw: Random,
  torn: Record<string, number>,
): Promise<string | undefined> {
  const store = folderStore(folder);
  const { latest } = await openCheckpoints(store, run);
  const last = await readCheckpoint(store, run);
  // After the last step the checkpoint stores the time of the version; the checkpoint before it does not have that yet.
  if (last === undefined || latest?.progress.trainedAt || !(await hasAnother(store, run, last.path))) return undefined;
  const isPointer = draw.integer(3) === 0;
  const key = runKey(run, isPointer ? 'checkpoint.json' : last.path);
  const whole = (await store.get(key))?.body;
  if (whole === undefined) return undefined;
  // A pointer without its last newline, or with a flipped bit in its time, is still valid.
  const damages = [...damagesOf(whole)].filter(([damage]) => !isPointer || /gone|zeros|many|cut to [01] /.test(damage));
  const [damage, found] = damages[draw.integer(damages.length)]!;
  if (found === undefined) await store.delete(key);
  else await store.put(key, found);
  add(torn, `${isPointer ? 'pointer' : 'file'}: ${damage.replace(/ of \d+ bytes$/, ' bytes')}`);
  return key;
}

/** Whether a run has another intact checkpoint besides this one. */
async function hasAnother(store: ObjectStore, run: string, path: string): Promise<boolean> {
  for await (const { key } of store.list(runKey(run, 'checkpoints/'))) {
    if (key === runKey(run, path)) continue;
    const body = (await store.get(key))?.body;
    if (body !== undefined && key.includes(`-${sha256Of(body).slice(0, 8)}.`)) return true;
  }
  return false;
}

/** The results of a finished run as JSON, without times and durations. */
async function outcomeOf({ store: folder, run }: TrainingRun): Promise<string> {
  const store: ObjectStore = folderStore(folder);
  const result = await readResult(store, run);
  const { latest } = await openCheckpoints(store, run);
  if (result === undefined || latest === undefined) throw new UserError(`${folder} has no result.`);
  const versions = await readdir(join(folder, 'models'));
  if (versions.join() !== result.version)
    throw new UserError(`${folder} must have only the version ${result.version}, not ${versions.join(', ')}.`);
  const version = await readVersion(store, result.version);
  const history = latest.progress.history.map(({ trainingSeconds: _, ...row }) => row);
  return JSON.stringify({
    weights: sha256Of(version.file('weights.bin')),
    model: sha256Of(version.file('model.json')),
    golden: sha256Of(version.file('golden.json')),
    state: sha256Of(encodeSafetensors({ tensors: latest.state })),
    history: sha256Of(Buffer.from(JSON.stringify(history))),
    accuracy: result.accuracy,
    temperature: version.card.temperature,
    steps: result.steps,
  });
}

async function report(counts: Counts, { kills, seed, seconds }: Options & { readonly seconds: number }): Promise<void> {
  const command = `npm run bench -- resume --kills ${kills} --seed ${seed}`;
  const made = await writeResults('resume', command, { seconds: Math.round(seconds), ...counts });
  const lines = (of: Record<string, number>) =>
    Object.entries(of)
      .sort()
      .map(([what, count]) => `  ${String(count).padStart(4)}  ${what}`);
  const text = [
    `${counts.runs} runs were killed ${total(counts.ended)} times; their results are bit-identical to uninterrupted runs:`,
    ...lines(counts.ended),
    'by batch preparation:',
    ...lines(counts.prepared),
    'left behind by the killed processes:',
    ...lines(counts.left),
    `checkpoint files damaged in addition, ${total(counts.torn)}:`,
    ...lines(counts.torn),
    `${Math.round(seconds)} s`,
    ...made,
  ];
  process.stdout.write(`${text.join('\n')}\n`);
}

function add(to: Record<string, number>, what: string): void {
  to[what] = (to[what] ?? 0) + 1;
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}
