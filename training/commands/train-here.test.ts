import { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readArguments } from '#models/runs.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { readCard } from '#models/versions.ts';
import { smallDataset } from '../data/small-dataset.fixture.ts';
import { catsAndDogs, temporaryFolder, writeFiles } from '../datasets/pictures/pictures.fixture.ts';
import { recipes } from '../recipe/recipes.ts';
import { resolveRecipe } from '../recipe/settings.ts';
import { train } from '../run/train.ts';
import { trainHere } from './train-here.ts';

const cifar10 = await smallDataset(272, 20); // Before the cache is another.

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

/** Trains one step on a few pictures of cats and dogs. @returns what a person sees, and the version's parent and the run's */
async function trainFew(run: string, from?: string) {
  let text = '';
  const collect = (chunk: unknown) => {
    text += String(chunk);
    return true;
  };
  const stream = new Writable({
    write(chunk, _, done) {
      collect(chunk);
      done();
    },
  });
  const errors = vi.spyOn(process.stderr, 'write').mockImplementation(collect);
  const out = `${folder}/store`;
  try {
    const options = { recipe: 'tiny', set: ['epochs=0.1'], data: `${folder}/photos`, from, out, run };
    const terminal = { signal: new AbortController().signal, stream: stream as unknown as WriteStream };
    const outcome = await trainHere(options, terminal);
    if (outcome.status !== 'finished') throw new Error(text);
    const store = folderStore(out);
    const [card, args] = [await readCard(store, outcome.result.version), await readArguments(store, run)];
    return { text, parent: card.parent, settings: args!.settings, recorded: args!.parent };
  } finally {
    errors.mockRestore();
  }
}

test('few pictures begin with a CIFAR-10 body of the store, and say so; --from none draws all weights', {
  timeout: 480_000,
}, async () => {
  await writeFiles(`${folder}/photos`, catsAndDogs(40));
  const drawn = await trainFew('drawn');
  expect(drawn.parent).toBeUndefined();
  expect(drawn.text).toMatch(/With so few pictures \(\d+\) .* "\.\/cifar10 train tiny" makes one, once/);
  expect(drawn.settings).toMatchObject({ learningRate: recipes.tiny.learningRate });

  const body = await train({
    ...{ recipe: resolveRecipe('tiny', ['heldOut=16', 'batchSize=32', 'epochs=0.2']), seed: 1, data: cifar10 },
    ...{ store: folderStore(`${folder}/store`), spool: undefined, run: 'body', resume: '', emit: () => {} },
  });
  const version = body.status === 'finished' ? body.result.version : '';
  const begun = await trainFew('begun');
  const head = { kept: [], drawn: ['cats', 'dogs'], left: cifar10.classes };
  expect(begun.parent).toEqual({ version, byDefault: true, head });
  expect(begun.recorded).toEqual(begun.parent);
  expect(begun.text).toContain(`starts from the body of ${version} and a new head for 2 classes, since there are few`);
  expect(begun.settings).toMatchObject({ learningRate: recipes.tiny.learningRate, bodyLearningRate: 0.1 });
  expect((await trainFew('begun')).text).toContain('The run begun is finished');
  await expect(trainFew('begun', 'none')).rejects.toThrow('The run begun exists with other arguments');

  const without = await trainFew('without', 'none');
  expect(without.parent).toBeUndefined();
  expect(without.text).not.toContain('few pictures');
});
