import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UsageError, UserError } from '#errors/user-error.ts';
import { moveAlias, readAlias } from '#models/aliases.ts';
import { cifar10Data } from '#models/data-identity.ts';
import { exampleVersion } from '#models/example-version.ts';
import { goldenDifference, goldenPixels } from '#models/golden.ts';
import { encodeJson } from '#models/json.ts';
import { readCheckpoint, writeCheckpoint } from '#models/run-checkpoints.ts';
import { readEvents } from '#models/run-events.ts';
import { readResult } from '#models/runs.ts';
import { decodeSafetensors, encodeSafetensors } from '#models/safetensors.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { Killed, killableStore } from '#models/stores/interrupted-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { listVersions, publishVersion, readVersion } from '#models/versions.ts';
import type { Dataset } from '../data/dataset.ts';
import { smallDataset } from '../data/small-dataset.fixture.ts';
import { isBfloat16Coarse, processors } from '../engine/graph/precision.ts';
import { hasTensorFlow } from '../engine/tensorflow.ts';
import { openStoredModel } from '../evaluation/stored-model.ts';
import { probabilities } from '../evaluation/temperature.ts';
import { decodeWeights } from '../export/weights.ts';
import { netOf } from '../recipe/recipes.ts';
import { resolveRecipe } from '../recipe/settings.ts';
import type { TrainingEvent } from '../record/events.ts';
import { ForeignCheckpoint, openCheckpoints } from './checkpoint.ts';
import { beginningFor, FEW_PICTURES } from './few-pictures.ts';
import { instanceMetadataOnLoopback, reclaimNotice } from './instance-metadata.fixture.ts';
import { NothingLearned, whatToTry } from './nothing-learned.ts';
import { type OpenedParent, openParent } from './parent.ts';
import { type Outcome, train } from './train.ts';
import { workOf } from './work.ts';

let data: Dataset;
let folder: string;
let store: ObjectStore;
/** The run `a` of `tiny` that many tests begin with: trained once, and copied by `copyFinished`. */
let finished: Awaited<ReturnType<typeof attempt>> & { readonly folder: string; readonly weights: string };
const openStore = async () => {
  folder = await mkdtemp(join(tmpdir(), 'train-'));
  store = folderStore(folder);
};
beforeAll(async () => {
  data = await smallDataset(272, 60);
  await openStore();
  const first = await attempt();
  finished = { ...first, folder, weights: await weightsOf(first.outcome) };
}, 300_000);
afterAll(() => rm(finished.folder, { recursive: true }));
beforeEach(openStore);
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Ten steps of 32 images. 16 images are held out: too few to tell whether the run learned anything. */
const small = ['heldOut=16', 'batchSize=32', 'epochs=1.25', 'engine=auto'];
const tiny = resolveRecipe('tiny', small);

interface Attempt {
  readonly recipe?: ReturnType<typeof resolveRecipe>;
  readonly run?: string;
  readonly seed?: number;
  readonly data?: Dataset;
  readonly from?: OpenedParent;
  /** Interrupts the run at this step, or at the first one after its schedule was fitted. @default never */
  readonly stopAt?: number | 'fitted';
  readonly metadata?: string;
  readonly onEvent?: (event: TrainingEvent) => void;
}

async function attempt({
  recipe = tiny,
  run = 'a',
  seed = 7,
  data: images = data,
  from,
  stopAt,
  metadata,
  onEvent,
}: Attempt = {}) {
  const events: TrainingEvent[] = [];
  const controller = new AbortController();
  const emit = (event: TrainingEvent) => {
    events.push(event);
    onEvent?.(event);
    if (event.type !== 'checkpoint') return;
    if (event.step === stopAt || events.some(({ type }) => type === stopAt)) controller.abort('SIGTERM');
  };
  const { signal } = controller;
  const spool = folderStore(`${folder}-spool`);
  const asked = { recipe, seed, data: images, from, store, spool, storeWaits: [0.01], run, metadata, resume: 'again' };
  const outcome = await train({ ...asked, emit, signal });
  return { outcome, events };
}

/** Puts the finished run into the store of the test. */
async function copyFinished() {
  await cp(finished.folder, folder, { recursive: true });
  return finished;
}

function versionOf(outcome: Outcome): string {
  if (outcome.status !== 'finished') throw new Error(`The run was interrupted at step ${outcome.step}.`);
  return outcome.result.version;
}

const weightsOf = async (outcome: Outcome) =>
  Buffer.from((await readVersion(store, versionOf(outcome))).file('weights.bin')).toString('base64');

describe('a run', () => {
  test('ends with a version that says how it was made and gives the answers that it recorded', async () => {
    const { outcome, events } = await copyFinished();

    const version = await readVersion(store, versionOf(outcome));
    const { card, golden } = version;
    expect(card).toMatchObject({
      classes: data.classes,
      input: { height: 32, width: 32, channels: 3, range: [0, 255] },
      accuracy: { images: 60 },
      data: { name: 'CIFAR-10', heldOut: 16 },
      recipe: { name: 'tiny', settings: { batchSize: 32, epochs: 1.25 } },
      seed: 7,
      run: 'a',
    });
    expect(card.temperature).not.toBe(1);
    expect((await readAlias(store, 'candidate'))?.version).toBe(version.id);
    expect((await readResult(store, 'a'))?.accuracy).toEqual({ plain: card.accuracy.plain, tta: card.accuracy.tta });

    const model = await openStoredModel(version);
    const answers = probabilities(model.predict(goldenPixels(golden)), card.classes.length, card.temperature);
    expect(golden.images.length).toBeGreaterThanOrEqual(20);
    expect(goldenDifference(golden, answers)).toBeLessThan(golden.tolerance);

    const stored = await readEvents<TrainingEvent>(store, 'a');
    expect(stored.map(({ event }) => event)).toEqual(events);
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['started', 'step', 'epoch', 'checkpoint', 'evaluated', 'warning', 'saved']),
    );
  });

  test('writes a history and a report', async () => {
    await copyFinished();
    const read = async (path: string) => Buffer.from((await store.get(`runs/a/${path}`))!.body).toString();
    const [header, ...rows] = (await read('history.csv')).trim().split('\n');
    expect(header).toMatch(/^step,epoch,loss,/);
    expect(rows.map((row) => Number(row.split(',')[0]))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for (const name of [
      'loss',
      'accuracy',
      'learning-rate',
      'confusion',
      'confusions',
      'roc',
      'precision-recall',
      'attention',
      'reliability',
      'mistakes',
      'samples',
      'classes',
    ]) {
      expect(await read(`report/${name}.svg`)).toMatch(/^<svg /);
    }
    const report = await read('report.html');
    expect(report).toContain('./cifar10 train tiny --seed 7 --set epochs=1.25');
    expect(report).toContain('<th scope="row">head</th><td>dense</td><td>10</td><td>2,560</td>');
    expect(report).not.toMatch(/(src|href)="(?!data:)/);
    const version = (await readAlias(store, 'candidate'))!.version;
    const { file } = await readVersion(store, version);
    expect(Buffer.from(file('report.html')).toString()).toBe(report);
    expect(Buffer.from(file('report/confusion.svg')).toString()).toBe(await read('report/confusion.svg'));
  });

  test('learns', async () => {
    const longer = resolveRecipe('tiny', [...small, 'heldOut=64', 'epochs=10', 'labelSmoothing=0.1']);
    const { events } = await attempt({ recipe: longer, data: await smallDataset(320, 60) });
    const epochs = events.filter((event) => event.type === 'epoch');
    expect(epochs.at(-1)!.loss).toBeLessThan(epochs[0]!.loss - 0.3);
    expect(epochs.at(-1)!.validation!.accuracy).toBeGreaterThan(0.2);
  });

  test('that is started again stays as it is', async () => {
    const first = await copyFinished();
    const again = await attempt();
    expect(again.outcome).toEqual({ ...first.outcome, wasFinished: true });
    expect(again.events).toEqual([]);
  });

  test('with another seed gives another model', async () => {
    const { outcome } = await attempt({ seed: 8 });
    expect(await weightsOf(outcome)).not.toBe(finished.weights);
  });

  test('with nothing held out has no temperature to choose', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'heldOut=0']);
    const { outcome, events } = await attempt({ recipe, data: await smallDataset(272, 16) });
    expect((await readVersion(store, versionOf(outcome))).card.temperature).toBe(1);
    expect(events.filter((event) => event.type === 'epoch' && event.validation)).toEqual([]);
  });
});

describe('a run that learned nothing', () => {
  const idle = resolveRecipe('tiny', [...small, 'heldOut=64', 'learningRate=0']);

  test('fails and says so, keeps its version, and leaves the candidate as it is, however often it is started', async () => {
    const { outcome } = await copyFinished();
    const enough = await smallDataset(320, 60);
    const events: TrainingEvent[] = [];
    const refused = attempt({ recipe: idle, run: 'b', data: enough, onEvent: (event) => events.push(event) });
    await expect(refused).rejects.toThrow(NothingLearned);
    const { version, guessing } = (await readResult(store, 'b'))!;
    expect(guessing).toMatchObject({ split: 'held-out', images: 64 });
    const message =
      /^The training learned nothing: of 64 held-out images, \d+ \(.* %\) are right, and always answering "\w+" gets \d+ .*no better than guessing \(p = 0\.\d+\)\. Version \S+ is stored, but is not the candidate\. Train again under another --run, /;
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(version);
    expect(events.slice(-3).map(({ type }) => type)).toEqual(['evaluated', 'saved', 'failed']);
    expect(events.at(-1)).toMatchObject({ message: expect.stringMatching(message) });

    expect((await readAlias(store, 'candidate'))?.version).toBe(versionOf(outcome));
    expect((await readVersion(store, version)).card.run).toBe('b');
    expect(await store.get('runs/b/report.html')).toBeDefined();
    await expect(attempt({ recipe: idle, run: 'b', data: enough })).rejects.toThrow(message);
  });

  test.each([
    [['budget=15'], 2, 'for longer, such as --budget 60s: 15 s left time for 2 steps'],
    [['budget=15'], 900, 'with lower rates, such as --set learningRate=0.02'],
    [['epochs=0.5'], 60, 'for longer, such as --set epochs=1'],
    [['learningRate=9'], 900, "with the recipe's learningRate=0.2"],
  ])('says what to try: %j after %d steps', (changes, steps, advice) => {
    expect(whatToTry(resolveRecipe('tiny', changes), steps)).toBe(advice);
  });

  test('passes with a warning where there are too few images to tell', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'learningRate=0']);
    const { outcome, events } = await attempt({ recipe, run: 'b' });
    expect(events.find((event) => event.type === 'warning')?.message).toMatch(
      /^By so few images it cannot be told from guessing: of 16 held-out images, /,
    );
    expect((await readAlias(store, 'candidate'))?.version).toBe(versionOf(outcome));
  });

  test.each([0, 16])('is one whose answers are no finite numbers: %i images held out', async (heldOut) => {
    const { outcome } = await copyFinished();
    const parent = await openParent({ from: versionOf(outcome), store, run: 'b' });
    // What is normalized by this is infinite, which training, with the statistics of each batch, does not notice.
    const weights = parent.weights.map((each) =>
      each.name === 'norm2/moving_mean' ? { ...each, data: each.data.map(() => -3e38) } : each,
    );
    expect(weights).not.toEqual(parent.weights);
    const recipe = resolveRecipe('tiny', [...small, `heldOut=${heldOut}`, 'epochs=0.125']);
    const refused = attempt({ recipe, run: 'b', from: { ...parent, weights } });
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(
      /the held-out loss is NaN|answers of the trained network are not finite numbers/,
    );
    expect(await readResult(store, 'b')).toBeUndefined();
    expect((await readAlias(store, 'candidate'))?.version).toBe(versionOf(outcome));
  });
});

test('a run names the candidate before, where that one is more accurate', async () => {
  const first = await copyFinished();
  const plainOf = async (outcome: Outcome) => (await readVersion(store, versionOf(outcome))).card.accuracy.plain;
  const { outcome, events } = await attempt({ recipe: resolveRecipe('tiny', [...small, 'learningRate=0']), run: 'b' });
  const [plain, than] = [await plainOf(first.outcome), await plainOf(outcome)];
  expect(plain).toBeGreaterThan(than);
  expect(events.at(-1)).toMatchObject({ type: 'saved', better: { version: versionOf(first.outcome), plain, than } });
  expect((await readAlias(store, 'candidate'))?.version).toBe(versionOf(outcome));

  const better = await attempt({ run: 'c' });
  expect(better.events.at(-1)).not.toHaveProperty('better');
});

describe('a run from the weights of another', () => {
  const still = resolveRecipe('tiny', [...small, 'learningRate=0', 'keep=last']);

  const accuracyOf = async (outcome: Outcome) => (await readVersion(store, versionOf(outcome))).card.accuracy.plain;
  const parentOf = async (from: string, run = 'b') => await openParent({ from, store, run });

  test('begins with them: training that changes nothing publishes them again, and names its parent', async () => {
    const first = await copyFinished();
    const version = versionOf(first.outcome);
    const { outcome, events } = await attempt({ recipe: still, run: 'b', from: await parentOf('candidate') });
    expect(events[0]).toMatchObject({ type: 'started', parent: version });
    const { card, file } = await readVersion(store, versionOf(outcome));
    const kernels = (body: Uint8Array) => decodeWeights(body).weights.filter(({ name }) => name.endsWith('/kernel'));
    expect(kernels(file('weights.safetensors'))).toEqual(
      kernels((await readVersion(store, version)).file('weights.safetensors')),
    );
    expect(card.parent).toEqual({ version, alias: 'candidate' });
    expect(Buffer.from(file('README.md')).toString()).toContain(`Began with | the weights of ${version}`);
    expect(Buffer.from(file('report.html')).toString()).toContain(`./cifar10 train tiny --from ${version}`);
  });

  test('takes those of a Keras file as well', async () => {
    const { outcome } = await copyFinished();
    const path = join(folder, 'parent.h5');
    await writeFile(path, (await readVersion(store, versionOf(outcome))).file('model.h5'));
    const [fromFile, fromVersion] = [
      await attempt({ run: 'b', from: await parentOf(path) }),
      await attempt({ run: 'c', from: await parentOf(versionOf(outcome)) }),
    ];
    expect(await weightsOf(fromFile.outcome)).toBe(await weightsOf(fromVersion.outcome));
    expect((await readVersion(store, versionOf(fromFile.outcome))).card.parent).toMatchObject({ file: 'parent.h5' });
  });

  test('is better from the start than one with drawn weights', async () => {
    const parent = await attempt({ recipe: resolveRecipe('tiny', [...small, 'epochs=12']) });
    const short = resolveRecipe('tiny', [...small, 'epochs=0.25', 'learningRate=0.001']);
    const tuned = await attempt({ recipe: short, run: 'b', from: await parentOf('candidate') });
    const anew = await attempt({ recipe: short, run: 'c' });
    expect(await accuracyOf(tuned.outcome)).toBeGreaterThan((await accuracyOf(anew.outcome)) + 0.05);
    expect(await accuracyOf(tuned.outcome)).toBeGreaterThan((await accuracyOf(parent.outcome)) - 0.1);
  });

  test('resumes from the same parent when the alias has moved, and gives identical weights', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'checkpointSeconds=0']);
    const first = await copyFinished();
    const alone = await attempt({ recipe, run: 'alone', from: await parentOf(versionOf(first.outcome)) });
    await moveAlias(store, 'production', { to: versionOf(first.outcome), by: 'test', expected: undefined });
    await attempt({ recipe, run: 'b', from: await parentOf('production'), stopAt: 3 });
    const expected = await readAlias(store, 'production');
    await moveAlias(store, 'production', { to: versionOf(alone.outcome), by: 'test', expected });

    const again = await attempt({ recipe, run: 'b', from: await parentOf('production') });
    expect(again.events[0]).toMatchObject({ fromStep: 3, parent: versionOf(first.outcome) });
    expect(await weightsOf(again.outcome)).toBe(await weightsOf(alone.outcome));
    // Under the name of a run that began otherwise, both ways.
    await expect(attempt({ recipe, run: 'b' })).rejects.toThrow(/parent: .*production.*, not none/);
    const otherwise = attempt({ run: 'a', from: await parentOf('candidate', 'a') });
    await expect(otherwise).rejects.toThrow(/parent: none, not .*candidate/);
  });

  test('is refused with another net, by its first tensor, before anything is written', async () => {
    await copyFinished();
    const recipe = resolveRecipe('quick', [...small, 'widths=8,8,8']);
    const refused = attempt({ recipe, run: 'b', from: await parentOf('candidate') });
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(/does not have the net of this recipe: (it has no )?\w+\/kernel/);
    const wide = await attempt({ recipe, run: 'narrow' });
    const wider = resolveRecipe('quick', [...small, 'widths=16,8,8']);
    const from = await parentOf(versionOf(wide.outcome));
    await expect(attempt({ recipe: wider, run: 'b', from })).rejects.toThrow(
      /is \[[\d,]+,8\] there and \[[\d,]+,16\] here/,
    );
    expect(await store.get('runs/b/args.json')).toBeUndefined();
  });

  test.each([
    ['nosuch', /has no such version or alias: nosuch/],
    ['20260101-0000-00000000', /has no such version: 20260101-0000-00000000/],
    ['/nosuch/model.h5', /model.h5 cannot be read \(ENOENT\)/],
  ])('is refused where there is none: %s', async (from, message) => {
    await expect(parentOf(from)).rejects.toThrow(UserError);
    await expect(parentOf(from)).rejects.toThrow(message);
  });
});

/**
 * Dropout and AdamW, a changed net, an average apart from the training, and learning rates that follow the validations, of which there
 * is one where the run is interrupted; batch normalisation, whitening, slow average, growing images, all kinds of augmentation, class
 * weights and SGD.
 */
const demanding = {
  seed: resolveRecipe('seed', [
    ...[...small, 'checkpointSeconds=0', 'optimizer=adamw', 'flip=random', 'translate=1', 'batchSize=128', 'epochs=5'],
    ...['averageLast=0.8', 'schedule=plateau', 'lowerPatience=1', 'activation=elu', 'batchNormalization=on'],
  ]),
  airbench: resolveRecipe('quick', [
    ...small,
    'checkpointSeconds=0',
    'widths=8,8,8',
    'whiteningBiasEpochs=1',
    'lookahead=3',
    'classWeights=balanced',
    'resolutions=24,28,32',
    ...['randomCrop=0.3', 'randAugment=2,9', 'colorJitter=0.4,0.4,0.4,0.1', 'cutout=0.25'],
  ]),
};

/** The weights that an uninterrupted run of the recipe gives: it is trained once for all tests. */
const uninterrupted = (() => {
  const known = new Map<ReturnType<typeof resolveRecipe>, string>();
  return async (recipe: ReturnType<typeof resolveRecipe>) => {
    const weights = known.get(recipe) ?? (await weightsOf((await attempt({ recipe, run: 'alone' })).outcome));
    known.set(recipe, weights);
    return weights;
  };
})();

describe.skipIf(!hasTensorFlow()).each(Object.entries(demanding))('an interrupted run of the %s net', (_, recipe) => {
  test('gives the weights of an uninterrupted one, to the last bit', async () => {
    const expected = await uninterrupted(recipe);

    const first = await attempt({ recipe, run: 'interrupted', stopAt: 3 });
    expect(first.outcome).toEqual({ status: 'interrupted', signal: 'SIGTERM', step: 3 });
    expect(first.events.at(-1)).toMatchObject({ type: 'interrupted', signal: 'SIGTERM', step: 3, resume: 'again' });
    // Once more after the last step: what is left is to test and to store, and that is done once.
    const second = await attempt({ recipe, run: 'interrupted', stopAt: 10 });
    expect(second.events[0]).toMatchObject({ type: 'started', fromStep: 3 });
    expect(second.outcome).toMatchObject({ status: 'interrupted', step: 10 });
    const third = await attempt({ recipe, run: 'interrupted' });
    expect(third.events.map(({ type }) => type)).toEqual(['started', 'evaluated', 'warning', 'saved']);

    expect(await weightsOf(third.outcome)).toBe(expected);
    // What growing images were worth in whole ones: of ten steps four are at 24 pixels, three at 28 and three at 32.
    const { settings } = recipe;
    const imageSteps = Math.round(workOf(netOf(settings), settings).from(0, 10) * settings.batchSize);
    const worth = settings.resolutions === 'whole' ? {} : { imageSteps };
    expect((await readVersion(store, versionOf(third.outcome))).card).toMatchObject(worth);
    expect(await readResult(store, 'interrupted')).toMatchObject({ steps: 10, ...worth });
    expect(third.events.find(({ type }) => type === 'evaluated')).toMatchObject(worth);
  });
});

describe('a run whose instance EC2 takes back', () => {
  const kindsOf = (events: readonly TrainingEvent[]) => events.map(({ type }) => type);

  test('keeps a checkpoint as soon as the notice is there, and resumes from it with identical weights', async () => {
    await using metadata = await instanceMetadataOnLoopback({ notice: reclaimNotice() });
    let taken = false;
    const lost = attempt({
      metadata: metadata.url,
      onEvent: (event) => {
        taken ||= event.type === 'checkpoint';
        if (taken) throw new Killed(); // All that is left of the instance is what it has stored.
      },
    });
    await expect(lost).rejects.toThrow(Killed);
    const step = (await readCheckpoint(store, 'a'))!.step;
    expect(step).toBeLessThan(10); // By the clock, a checkpoint is due after a minute.

    const { outcome, events } = await attempt();
    expect(events[0]).toMatchObject({ type: 'started', fromStep: step });
    expect(await weightsOf(outcome)).toBe(finished.weights);
  });

  test('keeps training, and finishes if the time is long enough', async () => {
    await using metadata = await instanceMetadataOnLoopback({ notice: reclaimNotice() });
    const { outcome, events } = await attempt({ metadata: metadata.url });
    const notice = kindsOf(events).indexOf('reclaimed');
    expect(kindsOf(events).slice(notice)).toEqual(expect.arrayContaining(['checkpoint', 'step', 'evaluated', 'saved']));
    expect(await weightsOf(outcome)).toBe(finished.weights);
  });
});

describe('a job', () => {
  test('that is killed in each of its stages ends with the same result, and with one version', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'checkpointSeconds=0']);
    /** In a process that dies before it writes such a key, or at such an event. */
    const killed = async (before: RegExp | undefined, at?: TrainingEvent['type']) => {
      const dying = killableStore(store, (key) => before?.test(key) ?? false);
      const emit = ({ type }: TrainingEvent) => {
        if (type === at) dying.kill();
        dying.alive();
      };
      const job = { recipe, seed: 7, data, store: dying.store, spool: undefined, storeWaits: [], run: 'a', resume: '' };
      await expect(train({ ...job, emit }), `${before ?? at}`).rejects.toThrow('Killed');
    };
    const candidate = async () => (await readAlias(store, 'candidate'))?.version;

    await killed(/args\.json$/);
    await killed(/checkpoints\//);
    await killed(/checkpoint\.json$/);
    await killed(undefined, 'step');
    await killed(undefined, 'evaluated');
    await killed(/models\/.*weights\.bin$/);
    await killed(/models\/.*manifest\.json$/);
    expect(await listVersions(store)).toEqual([]);
    await killed(/aliases\/candidate\.json$/);
    const [version] = await listVersions(store);
    expect(await candidate()).toBeUndefined();
    await killed(/^runs\/.*report\.html$/);
    expect(await candidate()).toBe(version);
    await killed(/result\.json$/);
    await killed(undefined, 'saved');

    const { outcome, events } = await attempt({ recipe });
    expect(outcome).toMatchObject({ status: 'finished', wasFinished: true, result: { version } });
    expect(events).toEqual([]);
    expect(await weightsOf(outcome)).toBe(finished.weights);
    expect(await listVersions(store)).toEqual([version]);
  });

  test('that ends at the same time as another makes its version the candidate after that one', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'epochs=0.125']);
    const rival = await publishVersion(store, exampleVersion());
    let isFirst = true;
    const racing: ObjectStore = {
      ...store,
      put: async (key, body, options) => {
        if (key === 'aliases/candidate.json' && isFirst) {
          isFirst = false;
          await moveAlias(store, 'candidate', { to: rival, by: 'run b', expected: undefined });
        }
        return store.put(key, body, options);
      },
    };
    const job = { recipe, seed: 7, data, store: racing, spool: undefined, storeWaits: [], run: 'a', resume: '' };
    const outcome = await train({ ...job, emit: () => {} });
    expect(await readAlias(store, 'candidate')).toMatchObject({ version: versionOf(outcome), previous: rival });
  });
});

describe('a run from a parent with other classes', () => {
  const still = resolveRecipe('tiny', [...small, 'learningRate=0', 'keep=last', 'freeze=body']);
  /** Half of the parent's classes in another order, and two more; other constants, as other pictures have. */
  const classes = ['yeti', 'truck', 'airplane', 'unicorn', 'cat', 'dog', 'bird'];
  const other = (): Dataset => {
    const { mean } = data.images;
    const relabelled = (split: Dataset['train']) => ({ ...split, labels: split.labels.map((label) => label % 7) });
    return {
      ...{
        ...data,
        name: 'other',
        title: 'Other',
        classes,
        train: relabelled(data.train),
        test: relabelled(data.test),
      },
      images: { ...data.images, classes: 7, mean: mean.map((value) => value / 2) },
    };
  };
  const head = {
    kept: ['truck', 'airplane', 'cat', 'dog', 'bird'],
    drawn: ['yeti', 'unicorn'],
    left: ['automobile', 'deer', 'frog', 'horse', 'ship'],
  };
  const parentOf = async (from: string, run = 'b') => await openParent({ from, store, run });
  const netOf = async (version: string) =>
    decodeWeights((await readVersion(store, version)).file('weights.safetensors'));

  test('takes the body as it is, the constants of its pixels, and of the head what classes of both know', async () => {
    const version = versionOf((await copyFinished()).outcome);
    const { outcome, events } = await attempt({
      recipe: still,
      run: 'b',
      data: other(),
      from: await parentOf(version),
    });
    expect(events[0]).toMatchObject({ type: 'started', parent: version, head });
    const [before, after] = [await netOf(version), await netOf(versionOf(outcome))];
    expect(after.net.layers[0]).toEqual(before.net.layers[0]);
    const bodyOf = ({ weights }: typeof before) => weights.filter(({ name }) => !name.startsWith('head/'));
    expect(bodyOf(after)).toEqual(bodyOf(before));
    const columnOf = ({ weights, classes: names }: typeof before, name: string) => {
      const { data: values } = weights.findLast((weight) => weight.name.endsWith('/kernel'))!;
      return [...values].filter((_, at) => at % names.length === names.indexOf(name));
    };
    for (const name of head.kept) expect(columnOf(after, name), name).toEqual(columnOf(before, name));
    const { card, file } = await readVersion(store, versionOf(outcome));
    expect(card.parent).toEqual({ version, head });
    const words = `the body of ${version}; 5 of 7 classes kept, 2 new: yeti, unicorn`;
    expect(Buffer.from(file('README.md')).toString()).toContain(`Began with | ${words}`);
    expect(Buffer.from(file('report.html')).toString()).toContain(`<dt>Began with</dt><dd>${words}</dd>`);
  });

  test('takes all where a file does not say which classes it has and has as many, and else a new head', async () => {
    const version = versionOf((await copyFinished()).outcome);
    const { weights } = await parentOf(version);
    const foreign = { parent: { file: 'keras.h5', sha256: 'a'.repeat(64) }, weights };
    const same = await attempt({ recipe: still, run: 'b', from: foreign });
    expect((await netOf(versionOf(same.outcome))).weights).toEqual(weights);
    const otherwise = await attempt({ recipe: still, run: 'c', data: other(), from: foreign });
    expect((await readVersion(store, versionOf(otherwise.outcome))).card.parent).toEqual({
      ...foreign.parent,
      head: { kept: [], drawn: classes, left: [] },
    });
  });

  test.each([
    ['in the probe', 3],
    ['after it', 7],
  ])('resumes %s, and gives identical weights', async (_, stopAt) => {
    const version = versionOf((await copyFinished()).outcome);
    const recipe = resolveRecipe('tiny', [...small, 'probeEpochs=0.6', 'bodyLearningRate=0.3', 'checkpointSeconds=0']);
    const from = await parentOf(version);
    const alone = await attempt({ recipe, run: 'alone', data: other(), from });
    const stopped = await attempt({ recipe, run: 'b', data: other(), from, stopAt });
    expect(stopped.outcome).toMatchObject({ status: 'interrupted', step: stopAt });
    const again = await attempt({ recipe, run: 'b', data: other(), from: await parentOf(version) });
    expect(again.events[0]).toMatchObject({ fromStep: stopAt, head });
    expect(await weightsOf(again.outcome)).toBe(await weightsOf(alone.outcome));
  });

  test('is refused for images of another size, before anything is written', async () => {
    const from = await parentOf(versionOf((await copyFinished()).outcome));
    const [size, ...rest] = [
      [32, 32, 3],
      [48, 48, 3],
    ] as const;
    const foreign = { ...from, net: { ...from.net!, input: rest[0] } };
    const refused = attempt({ run: 'b', data: other(), from: foreign });
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(`its images are 48x48, and those of this run are ${size[0]}x${size[1]}`);
    expect(await store.get('runs/b/args.json')).toBeUndefined();
  });
});

describe('what a run begins with where nobody says it', () => {
  const beginningOf = async (images: Dataset, run = 'b', recipe = tiny) => {
    const lines: string[] = [];
    const from = await beginningFor(images, { ...recipe, store, run, log: (line) => lines.push(line) });
    return { from, lines };
  };
  const sha256 = { train: '3'.repeat(64), test: '4'.repeat(64) };
  const few = (): Dataset => ({ ...manyClasses(4), sha256, heldOut: 16 });

  test('is the most accurate CIFAR-10 version with the net of the recipe, where there are few pictures', async () => {
    const version = versionOf((await copyFinished()).outcome);
    const better = await attempt({ run: 'better', recipe: resolveRecipe('tiny', [...small, 'epochs=12']) });
    const { from, lines } = await beginningOf(few());
    expect(from?.parent).toEqual({ version: versionOf(better.outcome), byDefault: true });
    expect(from?.parent).not.toMatchObject({ version });
    expect(lines).toEqual([]);
    const { outcome, events } = await attempt({ run: 'b', data: few(), from: from! });
    expect(events[0]).toMatchObject({ byDefault: true, head: { kept: [], drawn: few().classes } });
    expect((await readVersion(store, versionOf(outcome))).card.parent).toMatchObject({ byDefault: true });
  });

  test('is drawn, with a hint, where there is no such version; and without one for CIFAR-10 itself, or many pictures', async () => {
    await copyFinished();
    const hint = /With so few pictures \(256\) .* "\.\/cifar10 train minute" makes one, once/;
    expect(await beginningOf(few(), 'b', resolveRecipe('minute'))).toEqual({
      from: undefined,
      lines: [expect.stringMatching(hint)],
    });
    const other = resolveRecipe('tiny', [...small, 'activation=elu']);
    expect(await beginningOf(few(), 'b', other)).toMatchObject({ from: undefined, lines: [expect.any(String)] });
    expect(await beginningOf(data)).toEqual({ from: undefined, lines: [] });
    const many = { ...few(), train: { ...few().train, count: FEW_PICTURES + 17 } };
    expect(await beginningOf(many)).toEqual({ from: undefined, lines: [] });
  });

  test('stays what it was for a run that exists, though there is another version now', async () => {
    await attempt({ run: 'drawn', data: few() });
    const version = versionOf((await copyFinished()).outcome);
    const { from } = await beginningOf(few());
    await attempt({ run: 'b', data: few(), from: from! });
    await attempt({ run: 'better', recipe: resolveRecipe('tiny', [...small, 'epochs=12']) });
    expect((await beginningOf(few())).from?.parent).toMatchObject({ version, byDefault: true });
    expect((await beginningOf(few(), 'drawn')).from).toBeUndefined();
  });
});

/** The same images under labels of many classes, in turn from the last class down. */
function manyClasses(count: number): Dataset {
  const relabelled = (split: Dataset['train']) => ({
    ...split,
    labels: Uint16Array.from({ length: split.count }, (_, image) => count - 1 - (image % count)),
  });
  return {
    ...data,
    name: 'many',
    title: 'Many classes',
    classes: Array.from({ length: count }, (_, label) => `class ${label}`),
    images: { ...data.images, classes: count },
    train: relabelled(data.train),
    test: relabelled(data.test),
  };
}

const checkpointsOf = async (run: string) => {
  const keys: string[] = [];
  for await (const { key } of store.list(`runs/${run}/checkpoints/`)) keys.push(key);
  return keys;
};

describe.skipIf(!hasTensorFlow())('a run whose last checkpoint was torn', () => {
  test('resumes from the one before, says so, and gives identical weights', async () => {
    const recipe = demanding.airbench;
    const expected = await uninterrupted(recipe);
    await attempt({ recipe, stopAt: 6 });
    for (const [damage, fromStep] of [
      [(body: Uint8Array) => body.subarray(0, body.length / 2), 5],
      [(body: Uint8Array) => new Uint8Array(body.length), 5],
    ] as const) {
      const last = (await checkpointsOf('a')).at(-1)!;
      await store.put(last, damage((await store.get(last))!.body));
      const { events } = await attempt({ recipe, stopAt: 6 });
      expect(events[0]).toMatchObject({ type: 'started', fromStep, damaged: [last] });
    }
    await store.put('runs/a/checkpoint.json', new Uint8Array());
    const { outcome, events } = await attempt({ recipe });
    expect(events[0]).toMatchObject({ type: 'started', fromStep: 6, damaged: ['runs/a/checkpoint.json'] });
    expect(await weightsOf(outcome)).toBe(expected);
  });
});

describe.skipIf(!hasTensorFlow())('a run whose last checkpoint is of another network', () => {
  test('fails and names the file; without that file it resumes, and gives identical weights', async () => {
    const recipe = demanding.airbench;
    const wide = resolveRecipe('quick', [...small, 'checkpointSeconds=0', 'widths=16,8,8', 'lookahead=3']);
    const expected = await uninterrupted(recipe);
    await attempt({ recipe, stopAt: 9 }); // After an epoch: a checkpoint has the best weights as well.
    await attempt({ recipe: wide, run: 'wide', stopAt: 9 });
    const own = (await openCheckpoints(store, 'a')).latest!;
    const other = (await openCheckpoints(store, 'wide')).latest!;
    for (const foreign of [other, { ...own, best: other.best }]) {
      const key = await (await openCheckpoints(store, 'a')).save(foreign);
      const kept = await checkpointsOf('a');
      const refused = attempt({ recipe });
      await expect(refused).rejects.toThrow(ForeignCheckpoint);
      await expect(refused).rejects.toThrow(`${join(folder, key)} is not a checkpoint of this run: The `);
      await expect(refused).rejects.toThrow(/ hold \S+ as \[[\d,]+\] of \d+ values; it must be .* delete this one/);
      expect(await checkpointsOf('a')).toEqual(kept);
      await store.delete(key);
    }
    const { outcome, events } = await attempt({ recipe });
    expect(events[0]).toMatchObject({ type: 'started', fromStep: 9 });
    expect(await weightsOf(outcome)).toBe(expected);
  });
});

describe('a run on other data', () => {
  const sha256 = { train: 'a'.repeat(64), test: 'b'.repeat(64) };

  test('is refused, by the names of both data sets', async () => {
    await copyFinished();
    const other = attempt({ data: { ...data, name: 'seven', sha256 } });
    await expect(other).rejects.toThrow(UsageError);
    await expect(other).rejects.toThrow(/run a exists with other arguments \(data: cifar10 \(.*, not seven \(/);
    // What the data is called does not matter if its content is different.
    await expect(attempt({ data: { ...data, sha256 } })).rejects.toThrow('data: cifar10 (training images d12c98b5');
  });

  test('does not resume from a checkpoint, which is named with what to do', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'checkpointSeconds=0']);
    await attempt({ recipe, stopAt: 2 });
    const own = (await openCheckpoints(store, 'a')).latest!;
    const key = await (await openCheckpoints(store, 'a')).save({ ...own, data: { name: 'seven', sha256 } });
    const refused = attempt({ recipe });
    await expect(refused).rejects.toThrow(ForeignCheckpoint);
    await expect(refused).rejects.toThrow(
      `${join(folder, key)} is not a checkpoint of this run: it was trained on seven (training images aaaaaaaa`,
    );
    await expect(refused).rejects.toThrow(/this run trains on cifar10 .* delete this one to resume/);
    await store.delete(key);
    expect(await weightsOf((await attempt({ recipe })).outcome)).toBe(finished.weights);
  });

  test('is CIFAR-10 where arguments and checkpoints name none, as those of older runs', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'checkpointSeconds=0']);
    await attempt({ recipe, stopAt: 2 });
    const { data: _, ...older } = JSON.parse(Buffer.from((await store.get('runs/a/args.json'))!.body).toString());
    await store.put('runs/a/args.json', encodeJson(older));
    const { step, body, ...expected } = (await readCheckpoint(store, 'a'))!;
    const { tensors, metadata } = decodeSafetensors(body);
    const { data: identity, ...olderMetadata } = metadata;
    expect(JSON.parse(identity!)).toEqual(cifar10Data);
    const olderBody = encodeSafetensors({ tensors, metadata: olderMetadata });
    await writeCheckpoint(store, 'a', { step, body: olderBody, expected });

    const other = attempt({ recipe, data: { ...data, name: 'seven', sha256 } });
    await expect(other).rejects.toThrow('data: cifar10');
    const { outcome, events } = await attempt({ recipe });
    expect(events[0]).toMatchObject({ type: 'started', fromStep: step, data: 'cifar10' });
    expect(await weightsOf(outcome)).toBe(finished.weights);
    expect((await readVersion(store, versionOf(outcome))).card).toMatchObject({ name: 'cifar10', data: cifar10Card });
  });

  /** How a card names CIFAR-10. */
  const cifar10Card = { name: 'CIFAR-10', sha256: cifar10Data.sha256 };

  test('names its model, card and command after it', async () => {
    const { outcome } = await attempt({ data: { ...data, name: 'seven', title: 'Seven', sha256 } });
    const { card, file } = await readVersion(store, versionOf(outcome));
    expect(card).toMatchObject({ name: 'seven', data: { name: 'Seven', sha256 } });
    const report = Buffer.from(file('report.html')).toString();
    expect(report).toContain('./cifar10 train tiny --data &lt;folder or table Seven&gt; --seed 7');
    expect(report).toContain(sha256.test);
  });
});

describe('before anything is written', () => {
  test.each([
    ['train', 17, 'training image 17. Its 10 classes are numbered from 0 to 9'],
    ['train', 270, 'training image 270, which is held out.'],
    ['test', 59, 'test image 59.'],
  ] as const)('a label out of range is named: %s %d', async (split, image, message) => {
    const labels = data[split].labels.with(image, 10);
    const mislabelled = { ...data, [split]: { ...data[split], labels } };
    const refused = attempt({ data: mislabelled });
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(`has the label 10 at ${message}`);
    expect(await store.get('runs/a/args.json')).toBeUndefined();
  });

  test.each(['precision=bfloat16', 'precision=float16', 'batchPreparation=graph'])(
    'what WebAssembly cannot do is refused: %s',
    async (setting) => {
      const refused = attempt({ recipe: resolveRecipe('tiny', [...small, 'engine=wasm', setting]) });
      await expect(refused).rejects.toThrow(UsageError);
      await expect(refused).rejects.toThrow(`${setting} takes native TensorFlow`);
      expect(await store.get('runs/a/args.json')).toBeUndefined();
    },
  );
});

test.runIf(hasTensorFlow())(
  'a run in bfloat16 is refused where its gradients would be wrong, and trains elsewhere',
  async () => {
    const recipe = resolveRecipe('tiny', [...small, 'epochs=0.125', 'precision=bfloat16']);
    if (!isBfloat16Coarse(processors())) {
      expect((await attempt({ recipe })).outcome.status).toBe('finished');
      return;
    }
    const refused = attempt({ recipe });
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow('precision=bfloat16 takes a processor with AVX-512');
    expect(await store.get('runs/a/args.json')).toBeUndefined();
  },
);

describe.skipIf(!hasTensorFlow())('batches prepared in another thread, or by the engine many steps a call,', () => {
  /** Two epochs, in the first of which a group is frozen. */
  const settings = [...small, 'epochs=1.5', 'widths=8,8,8', 'whiteningBiasEpochs=0.7', 'lookahead=3'];
  const prepared = (batches: string, ...more: string[]) =>
    resolveRecipe('quick', [...settings, `batchPreparation=${batches}`, ...more]);

  /** What another thread prepares does not depend on the optimizer, and the engine's steps do. */
  test.each([
    ['sgd', ['worker', 'graph']],
    ['muon', ['graph']],
  ])('give identical weights and losses, to the last bit: %s', async (optimizer, ways) => {
    const runs = new Map<string, { weights: string; losses: unknown }>();
    for (const batches of ['inline', ...ways]) {
      const { outcome, events } = await attempt({ recipe: prepared(batches, `optimizer=${optimizer}`), run: batches });
      const losses = events.flatMap((event) =>
        event.type === 'epoch' ? [[event.step, event.loss, event.validation]] : [],
      );
      runs.set(batches, { weights: await weightsOf(outcome), losses });
    }
    for (const batches of ways) expect(runs.get(batches), batches).toEqual(runs.get('inline'));
  });

  test('give identical weights for more classes than a byte has values', async () => {
    const many = manyClasses(300);
    const weights = new Set<string>();
    for (const batches of ['worker', 'graph']) {
      const { outcome } = await attempt({ recipe: prepared(batches), run: batches, data: many });
      weights.add(await weightsOf(outcome));
      const { card, golden } = await readVersion(store, versionOf(outcome));
      expect(card).toMatchObject({ name: 'many', classes: many.classes });
      expect(golden.images).toHaveLength(20);
    }
    expect(weights.size).toBe(1);
    // The classes above 255 matter: without their labels other weights are learned.
    const labels = many.train.labels.map((label) => label % 256);
    const modulo = { ...many, train: { ...many.train, labels } };
    const { outcome } = await attempt({ recipe: prepared('inline'), run: 'modulo', data: modulo });
    expect(weights).not.toContain(await weightsOf(outcome));
  });

  test('resume from checkpoints of one another', async () => {
    const alone = await attempt({ recipe: prepared('inline'), run: 'alone' });
    const stops = ['checkpointSeconds=0'];
    await attempt({ recipe: prepared('worker', ...stops), run: 'changed', stopAt: 3 });
    await attempt({ recipe: prepared('graph', ...stops), run: 'changed', stopAt: 10 });
    const last = await attempt({ recipe: prepared('inline', ...stops), run: 'changed' });
    expect(last.events[0]).toMatchObject({ type: 'started', fromStep: 10 });
    expect(await weightsOf(last.outcome)).toBe(await weightsOf(alone.outcome));
  });
});

describe('a run whose store becomes unavailable', () => {
  const recipe = resolveRecipe('tiny', [...small, 'checkpointSeconds=0']);
  const spool = () => folderStore(`${folder}-spool`);
  /** Where the store's folder was is a file now: nothing can be read or written there. */
  const takeAway = () => {
    renameSync(folder, `${folder}-away`);
    writeFileSync(folder, '');
  };
  const giveBack = () => {
    rmSync(folder);
    renameSync(`${folder}-away`, folder);
  };
  const spooledKeys = async () => {
    const keys: string[] = [];
    for await (const { key } of spool().list('runs/')) keys.push(key);
    return keys;
  };
  afterEach(() => rmSync(`${folder}-spool`, { recursive: true, force: true }));

  test('continues, keeps its checkpoints on this machine, and uses the store again once it is back', async () => {
    let spooled = 0;
    const { outcome, events } = await attempt({
      recipe,
      onEvent: (event) => {
        if (event.type === 'checkpoint' && event.step === 3) takeAway();
        if (event.type === 'spooled' && ++spooled === 2) giveBack();
      },
    });
    const kept = events.filter((event) => event.type === 'spooled' || event.type === 'checkpoint');
    expect(kept.map(({ type, step }) => [type, step])).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((step) => [step === 4 || step === 5 ? 'spooled' : 'checkpoint', step]),
    );
    expect(kept[3]).toMatchObject({ folder: spool().url, reason: expect.stringContaining('is unavailable') });
    expect(await weightsOf(outcome)).toBe(finished.weights);
    expect((await readEvents<TrainingEvent>(store, 'a')).map(({ event }) => event)).toEqual(events);
    expect(await spooledKeys()).toEqual([]);
  });

  test('and stays so fails with the last checkpoint on this machine, and resumes from it', async () => {
    const onEvent = (event: TrainingEvent) => {
      if (event.type === 'checkpoint' && event.step === 3) takeAway();
    };
    const refused = await attempt({ recipe, onEvent }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UserError);
    expect(String(refused)).toContain(
      `Step 10 is kept in ${spool().url}. When the store is available again, resume with: again`,
    );
    giveBack();

    const { outcome, events } = await attempt({ recipe });
    expect(events.map(({ type }) => type)).toEqual(['started', 'evaluated', 'warning', 'saved']);
    expect(events[0]).toMatchObject({ fromStep: 10 });
    expect(await weightsOf(outcome)).toBe(finished.weights);
    expect(await spooledKeys()).toEqual([]);
  });
});

describe('a run is refused', () => {
  test('under the name of one with another recipe, seed or setting', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'checkpointSeconds=0']);
    await attempt({ recipe, stopAt: 2 });
    for (const [changed, message] of [
      [{ recipe: resolveRecipe('seed', small) }, /run a exists with other arguments.*recipe: "tiny", not "seed"/],
      [{ recipe, seed: 8 }, /seed: 7, not 8/],
      [{ recipe: resolveRecipe('tiny', [...small, 'learningRate=1']) }, /learningRate: 0.2, not 1/],
    ] as const) {
      const refused = attempt(changed);
      await expect(refused).rejects.toThrow(UsageError);
      await expect(refused).rejects.toThrow(message);
    }
  });

  test('if it would move images out of sight', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'translate=8']);
    const images = { ...data.images, size: [8, 96, 4] as const };
    await expect(attempt({ recipe, data: { ...data, images } })).rejects.toThrow(/translate=8 moves images of 8x96/);
  });

  test('if it would change the colors of images that have none', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'colorJitter=0,0.2,0,0']);
    const images = { ...data.images, size: [32, 96, 1] as const };
    await expect(attempt({ recipe, data: { ...data, images } })).rejects.toThrow(
      /images of 1 channels, and colorJitter/,
    );
  });

  test('if its net does not fit smaller images', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'resolutions=24,32']);
    await expect(attempt({ recipe })).rejects.toThrow(
      /resolutions=24,32 reduces images to 24x24, which the net does not fit. .* Set resolutions=whole, or net=airbench/,
    );
  });

  test('if it would leave no batch to train on', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'heldOut=300']);
    await expect(attempt({ recipe })).rejects.toThrow(/heldOut=300 leaves no batch of batchSize=32/);
    expect(await store.get('runs/a/args.json')).toBeUndefined();
  });

  test('when all of its checkpoints were torn, naming the files', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'checkpointSeconds=0']);
    await attempt({ recipe, stopAt: 2 });
    const keys = await checkpointsOf('a');
    for (const key of keys) await store.put(key, (await store.get(key))!.body.subarray(1));
    const refused = attempt({ recipe });
    await expect(refused).rejects.toThrow(UserError);
    for (const key of keys) await expect(refused).rejects.toThrow(key);
  });

  test('when another process is training it, which ends with identical weights', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'checkpointSeconds=0']);
    const both = await Promise.allSettled([attempt({ recipe }), attempt({ recipe })]);
    const [refused, ...moreRefused] = both.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    const [other] = both.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(moreRefused).toEqual([]);
    expect(refused).toBeInstanceOf(UserError);
    expect(String(refused)).toContain('Another process is training the run a');
    expect(await weightsOf(other!.outcome)).toBe(finished.weights);
  });
});

describe('the best weights', () => {
  /** Learns in the first epoch and forgets in those after it: from there on the learning rate rises far too high. */
  const forgetful = ['epochs=8', 'learningRate=0.4', 'startLearningRate=0.05', 'peak=0.99', 'weightDecay=2'];
  const bestEpoch = (events: readonly TrainingEvent[]) =>
    events
      .flatMap((event) => (event.type === 'epoch' && event.validation ? [{ ...event, ...event.validation }] : []))
      .reduce((best, each) =>
        each.accuracy > best.accuracy || (each.accuracy === best.accuracy && each.loss < best.loss) ? each : best,
      );

  test('are published if the recipe says so, also after an interruption', async () => {
    const settings = [...small, ...forgetful, 'keep=best'];
    const alone = await attempt({ recipe: resolveRecipe('tiny', settings), run: 'alone' });
    const best = bestEpoch(alone.events);
    expect(best.epoch).toBeLessThan(8);
    expect(alone.events.find(({ type }) => type === 'evaluated')).toMatchObject({ kept: 'best', step: best.step });
    const { card } = await readVersion(store, versionOf(alone.outcome));
    expect(card.kept).toEqual({ weights: 'best', step: best.step, epoch: best.epoch });

    // What was kept before the interruption is what is published after it.
    const recipe = resolveRecipe('tiny', [...settings, 'checkpointSeconds=0']);
    await attempt({ recipe, run: 'again', stopAt: best.step + 1 });
    expect(await weightsOf((await attempt({ recipe, run: 'again' })).outcome)).toBe(await weightsOf(alone.outcome));
    // And they are the weights of that epoch: of those of the last step they are not.
    const last = await attempt({ recipe: resolveRecipe('tiny', [...small, ...forgetful]), run: 'last' });
    expect(await weightsOf(last.outcome)).not.toBe(await weightsOf(alone.outcome));
    expect((await readVersion(store, versionOf(last.outcome))).card.kept).toMatchObject({ weights: 'last' });
  });

  test('end the run when none came for `patience` epochs', async () => {
    const recipe = resolveRecipe('tiny', [...small, ...forgetful, 'patience=2']);
    const { outcome, events } = await attempt({ recipe });
    const best = bestEpoch(events);
    const stopped = events.find((event) => event.type === 'stopped')!;
    expect(stopped).toMatchObject({ epoch: best.epoch + 2, best: { epoch: best.epoch, accuracy: best.accuracy } });
    expect(outcome.status === 'finished' && outcome.result.steps).toBe(stopped.step);
    expect((await readVersion(store, versionOf(outcome))).card.epochs).toBe(stopped.epoch);
  });

  test('are not those that a run out of patience ends with: these are the slow average, as at every end', async () => {
    const { events } = await attempt({
      recipe: resolveRecipe('tiny', [...small, ...forgetful, 'patience=2', 'lookahead=5']),
    });
    expect(events.some(({ type }) => type === 'stopped')).toBe(true);
    const state = new Map((await openCheckpoints(store, 'a')).latest!.state.map(({ name, data }) => [name, data]));
    const slow = [...state].filter(([name]) => name.endsWith('/slow'));
    expect(slow.length).toBeGreaterThan(0);
    for (const [name, average] of slow) expect(state.get(name.replace(/\/slow$/, '')), name).toEqual(average);
  });

  test.each([['keep=best'], ['patience=3'], ['schedule=plateau']])('need held-out images: %s', async (setting) => {
    const recipe = resolveRecipe('tiny', [...small, 'heldOut=0', setting]);
    await expect(attempt({ recipe })).rejects.toThrow(`${setting} is decided on held-out images, and heldOut=0`);
    expect(await store.get('runs/a/args.json')).toBeUndefined();
  });
});

describe('a run that averages its weights', () => {
  test('ends on their mean, with statistics that were measured anew and not averaged', async () => {
    const recipe = resolveRecipe('tiny', [
      ...[...small, 'batchSize=128', 'epochs=5', 'optimizer=muon', 'averageLast=0.8'],
      ...['schedule=plateau', 'learningRate=2', 'weightDecay=0.3', 'lowerPatience=1', 'lowerBy=0.5'],
    ]);
    await attempt({ recipe });
    const { state, progress } = (await openCheckpoints(store, 'a')).latest!;
    expect(progress.averaged).toBe(8);
    const rates = progress.history.map(({ learningRate }) => learningRate);
    expect(Math.min(...rates), 'lowered on a plateau').toBeLessThan(2);
    const values = new Map(state.map(({ name, data }) => [name, data]));
    const averages = [...values].flatMap(([name, slow]) =>
      name.endsWith('/slow') ? [{ name, slow, own: values.get(name.replace(/\/slow$/, ''))! }] : [],
    );
    const isStatistic = ({ name }: { name: string }) => name.includes('/moving_');
    for (const { name, slow, own } of averages) expect(isDeepStrictEqual(own, slow), name).toBe(!isStatistic({ name }));
    expect(averages.some(isStatistic)).toBe(true);
  });

  test('is refused where settings contradict each other, before anything is written', async () => {
    const recipe = resolveRecipe('tiny', [...small, 'lookahead=5', 'averageLast=0.5']);
    await expect(attempt({ recipe })).rejects.toThrow('Set one of them to 0');
    expect(await store.get('runs/a/args.json')).toBeUndefined();
  });
});

describe('a budget', () => {
  /** A run of 1,000 steps, which no machine finishes in the time of a test. */
  const long = [...small, 'epochs=125'];

  test('is how long a run trains, and its schedule ends with it', async () => {
    const seconds = 2;
    const { outcome, events } = await attempt({ recipe: resolveRecipe('tiny', [...long, `budget=${seconds}`]) });
    const { trainingSeconds, steps } = (outcome as Extract<Outcome, { status: 'finished' }>).result;
    const fits = events.filter((event) => event.type === 'fitted');
    expect(fits.length).toBeGreaterThan(0);
    expect(fits.at(-1)!.steps).toBe(steps);
    expect(steps).toBeLessThan(1000);

    const csv = Buffer.from((await store.get('runs/a/history.csv'))!.body).toString();
    const [header, ...rows] = csv
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    const column = (name: string) => rows.map((row) => Number(row[header!.indexOf(name)]));
    const times = column('training_seconds');
    // By these it may miss the budget: how much longer a step takes than those before it, nobody can know.
    const longest = Math.max(...times.map((time, row) => time - (times[row - 1] ?? 0)));
    expect(trainingSeconds).toBeLessThan(seconds + 2 * longest);
    expect(trainingSeconds).toBeGreaterThan(0.9 * seconds - 3 * longest);
    // The triangle rises for 23 % of the steps, and falls to 0.07 of its height one step after the last.
    const falling = steps - Math.floor(0.23 * steps);
    expect(column('learning_rate').at(-1)! / 0.2).toBeCloseTo(0.07 + (1 - 0.07) / falling, 5);
  });

  test('resumes with the schedule that it had', async () => {
    const recipe = resolveRecipe('tiny', [...long, 'budget=0.8', 'checkpointSeconds=0']);
    const first = await attempt({ recipe, stopAt: 'fitted' });
    expect(first.outcome.status).toBe('interrupted');
    const fitted = first.events.findLast((event) => event.type === 'fitted')!;
    const second = await attempt({ recipe });
    expect(second.events[0]).toMatchObject({ type: 'started', fromStep: fitted.step + 1, steps: fitted.steps });
    expect(second.outcome.status).toBe('finished');
  });
});

describe('a run that diverges', () => {
  /** Batch normalisation withstands any gradient; a decay that multiplies the weights by -99 it does not. */
  const wild = [...small, 'schedule=constant', 'epochs=6', 'weightDecay=1', 'checkpointSeconds=0'];

  test('goes back three times, then fails and says what to try', async () => {
    const recipe = resolveRecipe('tiny', [...wild, 'learningRate=100']);
    const events: TrainingEvent[] = [];
    const emit = (event: TrainingEvent) => void events.push(event);
    await expect(
      train({ recipe, seed: 1, data, store, spool: folderStore(`${folder}-spool`), run: 'a', resume: '', emit }),
    ).rejects.toThrow(
      /diverged .* for the 4th time: even with 0.125 of its learning rate of 100. Try --set learningRate=6.25, or less weightDecay/,
    );
    expect(events.filter((event) => event.type === 'recovered').map((event) => event.learningRateFactor)).toEqual([
      0.5, 0.25, 0.125,
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'failed' });
  });

  test('finishes with a lower learning rate, and gives identical weights if it is interrupted', async () => {
    const recipe = resolveRecipe('tiny', [...wild, 'learningRate=3.5']);
    const alone = await attempt({ recipe, run: 'alone' });
    const recovery = alone.events.find((event) => event.type === 'recovered')!;
    expect(alone.outcome).toMatchObject({ status: 'finished', result: { recoveries: expect.any(Number) } });

    await attempt({ recipe, run: 'again', stopAt: recovery.fromStep - 2 });
    const second = await attempt({ recipe, run: 'again' });
    expect(second.events.find((event) => event.type === 'recovered')).toMatchObject({ toStep: recovery.toStep });
    expect(await weightsOf(second.outcome)).toBe(await weightsOf(alone.outcome));
  });
});

test('WebAssembly trains where there is no native TensorFlow', async () => {
  const recipe = resolveRecipe('tiny', ['engine=wasm', 'heldOut=16', 'batchSize=32', 'epochs=0.1']);
  const { events } = await attempt({ recipe, data: await smallDataset(112, 40) });
  expect(events[0]).toMatchObject({ type: 'started', engine: expect.stringContaining('WebAssembly') });
  expect(events.at(-1)).toMatchObject({ type: 'saved' });
});
